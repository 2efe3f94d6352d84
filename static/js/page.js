// What every page loads: one module that brings in the small ones.
import "./copy.js";
import "./dialog.js";
import "./inbox-keys.js";
import "./notices.js";
import "./time.js";
import "./title-badge.js";
import "./kept.js";
import "./minutes.js";
