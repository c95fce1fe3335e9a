"""Usage of one container over one window: the maths, and the sources that its samples are read from."""
