"""What a base is taught from: databases made up, written by hand, or real, with questions about them."""
