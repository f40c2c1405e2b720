"""The catalog as a database: built from Parquet piece by piece, asked within a profile that only reads, and printed."""
