// A hold's page: its receipt grows by itself.

import "./page.js";
import { follow } from "./receipt.js";

const box = document.getElementById("receipt");
follow(box, box.dataset.from);
