"""The scripts here need PyTorch and Keras, so pytest does not collect them."""

collect_ignore_glob = ["*.py"]
