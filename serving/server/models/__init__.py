"""Models in memory: SavedModels, their versions, and what loads and unloads them."""
