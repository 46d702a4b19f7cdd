"""What the evaluator does, one subject a file: predicting, measuring, slicing, judging."""
