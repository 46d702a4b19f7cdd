"""Tables of series as files hold them: text, workbooks and Parquet, what stands around them, and what columns mean."""
