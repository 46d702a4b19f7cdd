"""SSD-MobileNet on Model Garden (tf-keras): the only folder that may import `official`."""
