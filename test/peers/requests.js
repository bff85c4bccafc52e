// requests.js
//	The same text by the vendor's library and by p2ptext, to a server that
//	takes down what it is asked: method, path, credentials and every field
//	must be the same.
'use strict';

const http = require('http');
const bandwidth = require('bandwidth-sdk');
const plivo = require('plivo');
const { Telnyx } = require('telnyx');
const twilio = require('twilio');
const { Auth } = require('@vonage/auth');
const { Messages, SMS, MMSImage } = require('@vonage/messages');
const { readFileSync } = require('fs');
const tap = require('./tap.js');

const SCRIPT = 'Caf\u00e9 & "100%" + \u{1f44b}\n<b>?';
const PICTURE = 'https://example.org/a.jpg?x=1&y=2';
const ACCOUNT = 'AC0123456789abcdef0123456789abcdef';
const SECRET = 'not-for-others';

const secrets = { 'rq-twilio': SECRET, 'rq-telnyx': SECRET, 'rq-bandwidth': `user:${SECRET}`,
	'rq-plivo': SECRET, 'rq-vonage': SECRET };
const bare = (number) => number.replace('+', '');

// How each vendor's library sends a text: t has from, to, body, ref, statusUrl
// and, for a text with a picture, media.
const vendors = {
	twilio: {
		status: 201,
		send(url, t) {
			const client = twilio(ACCOUNT, SECRET);
			client.api.baseUrl = url;
			return client.messages.create({ to: t.to, from: t.from, body: t.body, mediaUrl: t.media,
				statusCallback: `${t.statusUrl}#rc=3&rp=ct,rt,5xx` });
		},
	},
	telnyx: {
		status: 200,
		send: (url, t) => new Telnyx({ apiKey: SECRET, baseURL: `${url}/v2`, maxRetries: 0 }).messages.send({
			from: t.from, to: t.to, text: t.body, media_urls: t.media,
			messaging_profile_id: ACCOUNT, webhook_url: t.statusUrl }),
	},
	bandwidth: {
		status: 202,
		settings: '{"application_id": "app-1"}',
		send: (url, t) => new bandwidth.MessagesApi(new bandwidth.Configuration(
			{ username: 'user', password: SECRET, basePath: `${url}/api/v2` })).createMessage(ACCOUNT, {
			applicationId: 'app-1', to: [t.to], from: t.from, text: t.body, media: t.media, tag: t.ref }),
	},
	plivo: {
		status: 202,
		send: (url, t) => new plivo.Client(ACCOUNT, SECRET, { url: `${url}/v1/Account/${ACCOUNT}` })
			.messages.create({ src: bare(t.from), dst: bare(t.to), text: t.body,
				type: t.media ? 'mms' : 'sms', url: t.statusUrl, method: 'POST',
				...(t.media ? { media_urls: t.media } : {}) }),
	},
	vonage: {
		status: 202,
		payload: 'vonage-messages',
		send(url, t) {
			const common = { to: bare(t.to), from: bare(t.from), clientRef: t.ref,
				webhookUrl: t.statusUrl, webhookVersion: 'v1' };
			return new Messages(new Auth({ apiKey: ACCOUNT, apiSecret: SECRET }), { apiHost: url }).send(
				t.media ? new MMSImage({ ...common, image: { url: t.media[0], caption: t.body } })
					: new SMS({ ...common, text: t.body }));
		},
	},
};

// A server that answers all the same, and what it was asked.
function record(status, reply) {
	const asked = [];
	const server = http.createServer((req, res) => {
		const chunks = [];
		req.on('data', (chunk) => chunks.push(chunk));
		req.on('end', () => {
			asked.push({ method: req.method, path: req.url, headers: req.headers,
				body: Buffer.concat(chunks).toString() });
			res.writeHead(status, { 'Content-Type': 'application/json' }).end(reply);
		});
	});
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => resolve({ asked, server,
			url: `http://127.0.0.1:${server.address().port}` }));
	});
}

// A request as it is understood.
function understand(request) {
	const type = request.headers['content-type'].split(';')[0];
	return { method: request.method, path: request.path, type,
		credentials: request.headers.authorization,
		fields: type === 'application/json' ? JSON.parse(request.body)
			: [...new URLSearchParams(request.body)].sort() };
}

// One text by p2ptext; what it is made of.
async function ours({ sql, waitFor, publicUrl }, name, recorder, media) {
	const campaign = `${name}${media ? ' picture' : ''}`;
	sql(`SELECT p2ptext.create_campaign(:'campaign', 'peers', :'gateway', :'script', mode => 'broadcast',
			hours_start => '00:00', hours_end => '24:00', media => :'media');
		SELECT p2ptext.launch(:'campaign');
		SELECT p2ptext.approve_batch(:'campaign', 1)`,
	{ campaign, gateway: `rq-${name}`, script: SCRIPT, media: media ? `{"${PICTURE}"}` : '{}' });
	await waitFor(`a text by ${name}`, () => recorder.asked.length > 0);
	const text = JSON.parse(await waitFor('its message', () => sql(
		`SELECT json_build_object('from', m.sender, 'to', m.phone, 'body', m.body, 'ref', m.ref)
		FROM p2ptext.message m JOIN p2ptext.campaign c ON c.id = m.campaign_id
		WHERE c.name = :'campaign' AND m.status = 'sent'`, { campaign })));
	return { ...text, statusUrl: `${publicUrl}/webhook/rq-${name}/status/${text.ref}`,
		...(media ? { media: [PICTURE] } : {}) };
}

async function compare(world, name, recorder, media) {
	const vendor = vendors[name];
	const what = `${name}${media ? ' with a picture' : ''}`;
	recorder.asked.length = 0;
	const text = await ours(world, name, recorder, media);
	tap.is(text.body, SCRIPT, `${what}: p2ptext sends a text`);
	await vendor.send(recorder.url, text);
	tap.is(recorder.asked.length, 2, '... and the vendor\'s library the same');
	const [us, them] = recorder.asked.map(understand);
	for (const part of Object.keys(us))
		tap.is(us[part], them[part], `... with the same ${part}`);
}

async function test(world) {
	world.sql(`CREATE TABLE voters (id int PRIMARY KEY, cell text);
		INSERT INTO voters VALUES (1, '+14155552345');
		SELECT p2ptext.add_source('peers', 'voters', key => 'id', phone => 'cell');
		SELECT p2ptext.add_segment('peers', 'peers', 'true')`);
	for (const [name, vendor] of Object.entries(vendors)) {
		const reply = readFileSync(`${__dirname}/../data/payloads/${vendor.payload ?? name}-send-ok.json`);
		const recorder = await record(vendor.status, reply);
		world.sql(`SELECT p2ptext.add_gateway('rq-${name}', '${name}', account => '${ACCOUNT}',
			senders => '{+12025550101}', base_url => '${recorder.url}', settings => :'settings')`,
		{ settings: vendor.settings ?? '{}' });
		await compare(world, name, recorder, false);
		await compare(world, name, recorder, true);
		recorder.server.closeAllConnections();
		recorder.server.close();
	}
}

module.exports = { secrets, test };
