"""The Hugging Face Hub: addresses, whose token is used, and downloads. A head is published by `model.publishing`."""
