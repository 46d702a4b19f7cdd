"""The gRPC API: PredictionService and ModelService as tensorflow-serving-api defines them."""
