echo x >file; mkdir t; echo in >t/in; chmod 640 t/in; chown 7:8 t/in; tar -cf archive.tar --numeric-owner -C t in; rm -r t
