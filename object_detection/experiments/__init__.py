r"""The detectors as experiments of Model Garden, which its own training driver and exporter can run.

    python -m object_detection.experiments --experiment=ssd_mobilenet_v1 --mode=train_and_eval --model_dir=run \
        --params_override="task.train_data.input_path=train.record,task.validation_data.input_path=val.record,\
    task.model.ssd.classes=1,task.init_checkpoint=ssd_mobilenet_v1_coco,trainer.train_steps=400"
    python -m object_detection.experiments.export --experiment=ssd_mobilenet_v1 --config_file=run/params.yaml \
        --checkpoint_path=run --export_dir=exported

The records are those of the Object Detection API, just as they are. Experiments are `ssd_mobilenet_v1`,
`ssd_mobilenet_v1_025_160` and `ssd_mobilenet_v2_fpnlite_320`; importing `object_detection.experiments.task` registers
them. For training and serving without Model Garden's tools there is `labline run object_detection`.
"""
