"""What keeps children that open strangers' files from doing harm."""
