"""The main job, to be watched: two shops, a clock that only the demo moves, a story told over real HTTP."""
