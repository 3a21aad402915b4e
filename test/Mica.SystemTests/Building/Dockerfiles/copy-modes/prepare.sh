for mode in 400 600 644 755 777 4755 1644 000; do echo $mode >mode-$mode; chmod $mode mode-$mode; done
mkdir -m 700 closed; mkdir -m 1777 closed/sticky; echo x >closed/file
echo set >setuid; chmod 4711 setuid
mkdir other; echo x >other/owned; chown 1000:1000 other other/owned
