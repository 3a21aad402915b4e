mkdir t; echo in >t/in; tar -cf plain.tar --numeric-owner --mtime=@1600000000 -C t in; zstd -q plain.tar; rm -r t; head -c 60 plain.tar >/dev/null
