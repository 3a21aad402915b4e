echo o >open; chmod 644 open; echo c >closed; chmod 600 closed; echo p >program; chmod 710 program; mkdir -m 700 dir; echo i >dir/in; chmod 666 dir/in
