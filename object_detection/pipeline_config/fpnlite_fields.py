"""What the fields of `model.ssd` become for SSD-MobileNet v2 FPNLite: a pyramid of five feature maps, focal loss."""

from __future__ import annotations

from object_detection.pipeline_config import network_fields
from object_detection.pipeline_config.fields import Field, Table, ignore, refuse, within

ANCHORS = "anchor_generator.multiscale_anchor_generator"
PREDICTOR = "box_predictor.weight_shared_convolutional_box_predictor"
FOCAL_LOSS = "loss.classification_loss.weighted_sigmoid_focal"
LEVELS = "This network's pyramid has the levels 3 to 7."
SEPARABLE = (
    "This network has separable convolutions throughout, as ssd_mobilenet_v2_fpnlite: set it to true, if that will do."
)
FPNLITE: Table = {
    **network_fields.IMAGE,
    "feature_extractor.type": Field(
        str, "", "trainer.network", only=("ssd_mobilenet_v2_fpn_keras", "ssd_mobilenet_v2_fpn")
    ),
    **within("feature_extractor", network_fields.BODY),
    **within("feature_extractor.conv_hyperparams", network_fields.LAYERS),
    "feature_extractor.conv_hyperparams.regularize_depthwise": Field(bool, False),
    "feature_extractor.use_depthwise": Field(bool, False, only=(True,), refused=SEPARABLE),
    "feature_extractor.fpn.min_level": Field(int, 3, only=(3,), refused=LEVELS),
    "feature_extractor.fpn.max_level": Field(int, 7, only=(7,), refused=LEVELS),
    "feature_extractor.fpn.additional_layer_depth": Field(int, 256, "trainer.options.depth"),
    **refuse(
        "This network has another pyramid: use `fpn`.", "feature_extractor.bifpn",
        "feature_extractor.spaghettinet_arch_name",
    ),
    **network_fields.MATCHING,
    "encode_background_as_zeros": Field(bool, False, only=(True,)),
    f"{ANCHORS}.min_level": Field(int, 3, only=(3,), refused=LEVELS),
    f"{ANCHORS}.max_level": Field(int, 7, only=(7,), refused=LEVELS),
    f"{ANCHORS}.anchor_scale": Field(float, 4.0, "trainer.options.anchor_size"),
    f"{ANCHORS}.aspect_ratios": Field(float, (), "trainer.options.aspect_ratios", repeated=True),
    f"{ANCHORS}.scales_per_octave": Field(int, 2, "trainer.options.scales"),
    f"{ANCHORS}.normalize_coordinates": Field(bool, True, only=(True,)),
    **within(f"{PREDICTOR}.conv_hyperparams", network_fields.LAYERS),
    f"{PREDICTOR}.conv_hyperparams.regularize_depthwise": Field(bool, False),
    f"{PREDICTOR}.depth": Field(int, 0, "trainer.options.depth"),
    f"{PREDICTOR}.num_layers_before_predictor": Field(int, 0, "trainer.options.layers"),
    f"{PREDICTOR}.kernel_size": Field(int, 3, only=(3,)),
    f"{PREDICTOR}.class_prediction_bias_init": Field(float, 0.0),
    f"{PREDICTOR}.use_dropout": Field(bool, False, only=(False,)),
    f"{PREDICTOR}.share_prediction_tower": Field(bool, False),
    f"{PREDICTOR}.use_depthwise": Field(bool, False, only=(True,), refused=SEPARABLE),
    f"{PREDICTOR}.score_converter": Field("word", "IDENTITY", only=("IDENTITY",)),
    **within(PREDICTOR, network_fields.PREDICTOR),
    f"{FOCAL_LOSS}.gamma": Field(float, 2.0, only=(2.0,)),
    f"{FOCAL_LOSS}.alpha": Field(float, None, only=(0.25,)),
    **ignore("the proto itself no longer uses it", f"{FOCAL_LOSS}.anchorwise_output"),
    **refuse(
        "The focal loss looks at every anchor; leave it out.",
        "loss.hard_example_miner", "loss.random_example_sampler", "loss.equalization_loss",
    ),
    **network_fields.WEIGHTS,
    **network_fields.RESULTS,
}  # fmt: skip
DIRECT = (
    *network_fields.DIRECT,
    f"{PREDICTOR}.depth",
    f"{PREDICTOR}.num_layers_before_predictor",
    f"{ANCHORS}.scales_per_octave",
    f"{ANCHORS}.aspect_ratios",
    f"{ANCHORS}.anchor_scale",
)
