<?php
session_start();
header('Content-Type: text/plain');
$_SESSION['visits'] = ($_SESSION['visits'] ?? 0) + 1;
if (isset($_GET['end'])) {
    session_destroy();
}
echo "visit {$_SESSION['visits']}\n";
