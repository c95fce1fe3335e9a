"""Usage of one container over one window: the maths, and the sources it is read from."""
