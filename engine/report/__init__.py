"""What leaves the program on paper: overlay figures for print, and a case on one page."""
