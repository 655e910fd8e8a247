"""The statistics, by idea: each module has functions from probes to one number an image, and a tuple STATISTICS."""
