<?php
echo "admin ", $_SERVER["SCRIPT_NAME"], "\n";
