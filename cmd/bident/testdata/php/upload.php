<?php
header('Content-Type: text/plain');
if ($_SERVER['REQUEST_METHOD'] === 'POST' && isset($_FILES['file'])) {
    $f = $_FILES['file'];
    echo "$f[name] $f[error] $f[size] ", sha1_file($f['tmp_name']), " $_POST[colour]\n";
} else {
    $in = fopen('php://input', 'rb');
    $h = hash_init('sha1');
    $n = hash_update_stream($h, $in);
    echo "$_SERVER[REQUEST_METHOD] $n ", hash_final($h), "\n";
}
