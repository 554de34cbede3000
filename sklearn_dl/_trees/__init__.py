"""The binned tree engine: binning, histograms, splitting, growing, predicting."""
