"""What is done to masks as a whole: as actions, in a menu, off the GUI thread where it is long."""
