"""What is optimised: each representation renders, steps and grows by itself."""
