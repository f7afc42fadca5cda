"""What a person does, one file each. A flow asks by keyword for what it may touch, and raises `Refusal`."""
