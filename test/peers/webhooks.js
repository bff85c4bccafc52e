// webhooks.js
//	Webhooks for a listening p2ptext, of which the vendor's library says
//	whether they are to be believed.  p2ptext must say the same of each.
'use strict';

const crypto = require('crypto');
const plivo = require('plivo');
const { TelnyxWebhook } = require('telnyx/lib/webhooks');
const { verifySignature } = require('@vonage/jwt');
const twilio = require('twilio');
const tap = require('./tap.js');

const FORM = 'application/x-www-form-urlencoded';
const JSON_TYPE = 'application/json';
const SECRET = 'not-for-others-8d5e957f297893487bd9';
const OTHER = 'of-somebody-else-1d5e957f297893487b';
const BODY = 'Caf\u00e9 & "100%" + \u{1f44b}';
const now = () => Math.floor(Date.now() / 1000);

const keys = crypto.generateKeyPairSync('ed25519');
const otherKeys = crypto.generateKeyPairSync('ed25519');
// what is left of its DER form without the head, which is always the same
const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' }).subarray(12);

const secrets = {
	twilio: SECRET,
	plivo: SECRET,
	telnyx: 'KEY',
	'telnyx.webhook': publicKey.toString('base64'),
	vonage: 'api-secret',
	'vonage.webhook': SECRET,
};

const hmac = (hash, secret, text, encoding) =>
	crypto.createHmac(hash, secret).update(text).digest(encoding);
const fields = (body) => Object.fromEntries(new URLSearchParams(body));

function telnyxBody(id) {
	return JSON.stringify({ data: { event_type: 'message.received', id, payload: {
		id, type: 'SMS', direction: 'inbound', from: { phone_number: '+14155552345' },
		to: [{ phone_number: '+12025550100' }], text: BODY } } });
}

// How each vendor signs, or has it signed, and how its library looks at it.
// A message is what is sent: url, type, body and headers; "key" signs it.
const vendors = {
	twilio: {
		type: FORM,
		wrong: OTHER,
		body: (id) => new URLSearchParams({ MessageSid: id, AccountSid: 'AC1',
			From: '+14155552345', To: '+12025550100', Body: BODY, NumMedia: '0' }).toString(),
		sign: (m, key = SECRET) => ({ 'X-Twilio-Signature':
			twilio.getExpectedTwilioSignature(key, m.url, fields(m.body)) }),
		believes: (m) => twilio.validateRequest(SECRET, m.headers['X-Twilio-Signature'], m.url,
			fields(m.body)),
	},
	// The library only verifies; what it would have signed is this.
	plivo: {
		type: FORM,
		wrong: OTHER,
		body: (id) => new URLSearchParams({ MessageUUID: id, From: '14155552345',
			To: '12025550100', Type: 'sms', Text: BODY }).toString(),
		sign(m, key = SECRET) {
			const [base, query] = m.url.split('?');
			const sorted = Object.entries(fields(m.body)).sort(([a], [b]) => (a < b ? -1 : 1));
			const text = `${base}?${query ? `${query}.` : ''}${sorted.flat().join('')}`;
			const nonce = '31627761595286130198';
			return { 'X-Plivo-Signature-V3': hmac('sha256', key, `${text}.${nonce}`, 'base64'),
				'X-Plivo-Signature-V3-Nonce': nonce };
		},
		believes: (m) => plivo.validateV3Signature('POST', m.url,
			m.headers['X-Plivo-Signature-V3-Nonce'], SECRET, m.headers['X-Plivo-Signature-V3'],
			fields(m.body)),
	},
	telnyx: {
		type: JSON_TYPE,
		wrong: otherKeys.privateKey,
		signsNoUrl: true,
		body: telnyxBody,
		sign: (m, key = keys.privateKey, time = now()) => ({ 'telnyx-timestamp': String(time),
			'telnyx-signature-ed25519':
				crypto.sign(null, `${time}|${m.body}`, key).toString('base64') }),
		believes: (m) => new TelnyxWebhook(secrets['telnyx.webhook']).verify(m.body, m.headers)
			.then(() => true, () => false),
	},
	vonage: {
		type: JSON_TYPE,
		wrong: OTHER,
		signsNoUrl: true,
		body: (id) => JSON.stringify({ channel: 'sms', message_type: 'text', message_uuid: id,
			from: '14155552345', to: '12025550100', timestamp: new Date().toISOString(), text: BODY }),
		sign(m, key = SECRET, time = now()) {
			const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
			const token = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: time, jti: crypto.randomUUID(),
				iss: 'Vonage', api_key: 'key', payload_hash: crypto.createHash('sha256').update(m.body).digest('hex') })}`;
			return { Authorization: `Bearer ${token}.${hmac('sha256', key, token, 'base64url')}` };
		},
		// It leaves hash and time to the caller, who is told in its documentation.
		believes(m) {
			const token = m.headers.Authorization.slice('Bearer '.length);
			const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
			return verifySignature(token, SECRET) && Math.abs(now() - claims.iat) <= 300 &&
				claims.payload_hash === crypto.createHash('sha256').update(m.body).digest('hex');
		},
	},
};

// What is done to a webhook before it is sent, and whether it still holds.
function cases(vendor) {
	const sign = (m, ...how) => { m.headers = vendor.sign(m, ...how); };
	const list = [
		['as it ought to be', true, sign],
		['with other words', false, (m) => {
			sign(m);
			m.body = m.body.replace('100', '200');
		}],
		['signed by somebody else', false, (m) => sign(m, vendor.wrong)],
		['with a signature that is none', false, (m) => {
			sign(m);
			for (const name of Object.keys(m.headers))
				m.headers[name] = m.headers[name].replace(/.{9}$/, 'AAAAAAAAA');
		}],
	];
	if (vendor.signsNoUrl)
		list.push(
			['of four minutes ago', true, (m) => sign(m, undefined, now() - 240)],
			['of six minutes ago', false, (m) => sign(m, undefined, now() - 360)],
			['of six minutes hence', false, (m) => sign(m, undefined, now() + 360)]);
	else
		list.push(
			['with a query', true, (m) => {
				m.url += '?a=b';
				sign(m);
			}],
			['for another URL', false, (m) => {
				sign(m);
				m.url += '?a=b';
			}]);
	return list;
}

async function post(m) {
	const answer = await fetch(m.url,
		{ method: 'POST', body: m.body, headers: { 'Content-Type': m.type, ...m.headers } });
	await answer.text();
	return answer.status;
}

async function test({ sql, waitFor, publicUrl }) {
	for (const name of Object.keys(vendors))
		sql(`SELECT p2ptext.add_gateway('${name}', '${name}', account => 'key', senders => '{+12025550100}')`);
	await waitFor('the listener', () =>
		fetch(`${publicUrl}/webhook/vonage`, { method: 'PUT' }).then((r) => r.status === 405, () => false));

	const heard = [];
	for (const [name, vendor] of Object.entries(vendors)) {
		let n = 0;
		for (const [what, holds, change] of cases(vendor)) {
			const id = `${name}-${++n}`;
			const m = { url: `${publicUrl}/webhook/${name}`, type: vendor.type, body: vendor.body(id) };
			change(m);
			tap.is(Boolean(await vendor.believes(m)), holds, `${name}: its library on a webhook ${what}`);
			tap.is(await post(m), holds ? 200 : 403, '... and p2ptext');
			if (holds) heard.push(id);
		}
		const bare = { url: `${publicUrl}/webhook/${name}`, type: vendor.type, body: vendor.body(`${name}-bare`) };
		tap.is(await post(bare), 403, `${name}: a webhook without a signature`);
	}
	tap.is(sql(`SELECT string_agg(provider_id, ' ' ORDER BY id) FROM p2ptext.inbound
		WHERE phone = '+14155552345' AND sender = '+12025550100' AND body = :'body'`, { body: BODY }),
	heard.join(' '), 'what was to be believed was kept, byte for byte, and nothing else');
}

module.exports = { secrets, test };
