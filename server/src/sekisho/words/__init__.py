"""Words for people, one file a language, by the codes that machines read; both files say the same things."""
