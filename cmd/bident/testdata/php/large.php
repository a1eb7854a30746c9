<?php
header('Content-Type: application/octet-stream');
for ($i = 0; $i < (int)$_GET['kb']; $i++) {
    echo str_repeat(chr($i & 0x7f), 1024);
}
