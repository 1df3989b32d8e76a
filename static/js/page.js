// Pages without live values of their own: the frame lives, and Stop.

import { drawBand, firstAsOf } from "./band.js";
import { Live } from "./live.js";
import "./stop.js";

export const live = new Live("desk", firstAsOf());
drawBand(live, () => {});
