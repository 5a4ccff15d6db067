"""S3 and whatever speaks its protocol, through boto3; addresses are signed here."""
