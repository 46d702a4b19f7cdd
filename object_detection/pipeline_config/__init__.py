"""The Object Detection API's pipeline.config, read into a recipe and written back.

| module | does |
|---|---|
| `fields`, `ssd_fields`, `fpnlite_fields` | the table: what every field becomes, or why it is ignored or refused |
| `choices` | the alternatives of a message: which are here |
| `networks`, `other_networks` | ours with their tables; what to do with a file of another one |
| `reading` | a file to the value of every field, the proto's default where there is none |
| `translation` | those values to recipe keys, with `optimizer` for the update rule and learning rate |
| `new_recipe` | recipe keys to `recipe.yaml`, each with the field it came from |
| `writing` | a recipe to a pipeline.config |

Fields and defaults are those of the API's `protos` folder, of every version of it that we know.
"""
