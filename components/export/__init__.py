"""Parts of exporting."""
