// peers.js
//	p2ptext between the libraries of its gateways' vendors: these sign webhooks
//	for a real listener, and show how they would have sent a text.
//
// Runs beside a cluster, as test/with-cluster makes one.  Prints TAP.
'use strict';

const { execFileSync } = require('child_process');
const net = require('net');
const requests = require('./requests.js');
const tap = require('./tap.js');
const webhooks = require('./webhooks.js');

function sql(query, variables = {}) {
	const set = Object.entries(variables).map(([name, value]) => `--set=${name}=${value}`);
	return execFileSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', ...set],
		{ input: query, encoding: 'utf8' }).trim();
}

function freePort() {
	return new Promise((resolve) => {
		const server = net.createServer();
		server.listen(0, '127.0.0.1', () => {
			const { port } = server.address();
			server.close(() => resolve(port));
		});
	});
}

// Until it gives something true.
async function waitFor(what, probe, seconds = 20) {
	for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
		const result = await probe();
		if (result) return result;
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	throw new Error(`waited in vain for ${what}`);
}

// The secrets file must be the server's own, so it has to write it.
function configure(port, secrets) {
	const lines = Object.entries(secrets).map(([name, secret]) => `${name} = ${secret}`);
	sql(`CREATE TEMP TABLE line (line text);
		INSERT INTO line SELECT unnest(string_to_array(:'lines', chr(10)));
		COPY line TO PROGRAM 'umask 077; cat >secrets';
		SELECT current_setting('data_directory') || '/secrets' AS file \\gset
		ALTER SYSTEM SET p2ptext.secrets_file = :'file';
		ALTER SYSTEM SET p2ptext.port = ${port};
		ALTER SYSTEM SET p2ptext.public_url = 'http://127.0.0.1:${port}';
		SELECT pg_reload_conf();`, { lines: lines.join('\n') });
	sql('CREATE EXTENSION p2ptext');
}

async function main() {
	const port = await freePort();
	const world = { sql, waitFor, publicUrl: `http://127.0.0.1:${port}` };
	configure(port, { ...webhooks.secrets, ...requests.secrets });
	await webhooks.test(world);
	await requests.test(world);
	tap.done();
}

main().catch((error) => {
	console.log(`Bail out! ${error.stack}`);
	process.exit(1);
});
