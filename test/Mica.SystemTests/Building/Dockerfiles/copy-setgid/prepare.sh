mkdir -m 2775 sgid; echo x >sgid/file; mkdir -m 3770 both; echo f >file; chmod 2755 file
