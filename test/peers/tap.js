// tap.js
//	As much of the Test Anything Protocol as is needed here.
'use strict';

const { isDeepStrictEqual, inspect } = require('util');

let count = 0;
let failed = 0;

function ok(holds, name) {
	count++;
	if (!holds) failed++;
	console.log(`${holds ? 'ok' : 'not ok'} ${count} - ${name}`);
	return holds;
}

function is(got, wanted, name) {
	if (!ok(isDeepStrictEqual(got, wanted), name)) {
		const text = `got: ${inspect(got, { depth: 9 })}\nwanted: ${inspect(wanted, { depth: 9 })}`;
		console.log(text.replace(/^/gm, '# '));
	}
}

function done() {
	console.log(`1..${count}`);
	process.exitCode = failed ? 1 : 0;
}

module.exports = { ok, is, done };
