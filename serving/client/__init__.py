"""Clients: typed answers of served models over REST or gRPC, from TensorFlow Serving or from the embedded server.

```python
with connect("http://127.0.0.1:8501") as client:  # or grpc://127.0.0.1:8500
    for prediction in client.predict_images("flowers", [Path("rose.jpg")]):
        print(prediction.label, prediction.probability)
```
"""

from serving.client.answers import Forecast, Prediction, ServerError, VersionStatus
from serving.client.connecting import connect
from serving.client.grpc_client import GrpcClient
from serving.client.images import BYTES_AT_ONCE, IMAGES_AT_ONCE, batches, prepare
from serving.client.model_client import HISTORIES_AT_ONCE, ModelClient
from serving.client.rest_client import Client
from serving.client.rest_json import model_path
from serving.client.retries import RETRY_STATUS, Retries

__all__ = [
    "BYTES_AT_ONCE",
    "HISTORIES_AT_ONCE",
    "IMAGES_AT_ONCE",
    "RETRY_STATUS",
    "Client",
    "Forecast",
    "GrpcClient",
    "ModelClient",
    "Prediction",
    "Retries",
    "ServerError",
    "VersionStatus",
    "batches",
    "connect",
    "model_path",
    "prepare",
]
