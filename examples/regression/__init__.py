"""A task outside of labline: numbers from numbers, the smallest there is; `docs/add_a_task.md` walks through it."""
