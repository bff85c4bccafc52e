-- estimate_time.sql
--	  When the last text of a campaign would have left.
--
-- Its own texts must pass every limit; those of the gateway, its numbers and
-- their brands must let through what other campaigns have approved as well.
-- Whichever takes longer tells the time.

CREATE FUNCTION p2ptext.keeps_state_hours(camp p2ptext.campaign) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT g.keep_texting_hours AND (camp.state_hours OR coalesce(o.state_hours, false))
	FROM p2ptext.gateway g LEFT JOIN p2ptext.organisation o ON o.id = g.organisation_id
	WHERE g.id = camp.gateway_id
$$;
COMMENT ON FUNCTION p2ptext.keeps_state_hours(p2ptext.campaign) IS 'whether windows of states hold for a campaign''s texts';

CREATE FUNCTION p2ptext.recipient_place(zones text[], phone text, state text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN zones || array_remove(ARRAY['state ' || p2ptext.phone_state(phone), 'state ' || state], NULL);
COMMENT ON FUNCTION p2ptext.recipient_place(text[], text, text) IS
'where a recipient is, for texting hours: the zones, and as "state FL" the states of phone and voter';

CREATE FUNCTION p2ptext.place_window(place text[], starts time, ends time, at timestamptz,
	OUT open boolean, OUT opens timestamptz, OUT closes timestamptz)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	SELECT w.open, w.opens, w.closes
	FROM p2ptext.state_window(ARRAY(SELECT p FROM unnest(place) p WHERE p NOT LIKE 'state %'),
							  ARRAY(SELECT substr(p, 7) FROM unnest(place) p WHERE p LIKE 'state %'), starts, ends, at) w
$$;
COMMENT ON FUNCTION p2ptext.place_window(text[], time, time, timestamptz) IS 'state_window() of what recipient_place() says';

-- Limits that a campaign's texts pass, in SMS segments, each as if it had to
-- pass all of them: a limit on one number of four counts fourfold, since its
-- share of the texts is a fourth.  NULL is no limit.
CREATE FUNCTION p2ptext.campaign_limits(camp p2ptext.campaign)
RETURNS TABLE (name text, per_second float8, per_day float8)
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
AS $$
	WITH number AS (
		SELECT s.*, count(*) OVER () AS numbers, count(*) OVER (PARTITION BY s.brand) AS of_brand
		FROM p2ptext.sender s WHERE s.gateway_id = camp.gateway_id AND s.enabled)
	SELECT 'campaign ' || camp.name, camp.max_per_second, camp.max_per_day
	UNION ALL
	SELECT 'gateway ' || g.name, g.max_per_second, g.max_per_day FROM p2ptext.gateway g WHERE g.id = camp.gateway_id
	UNION ALL
	SELECT 'number ' || n.number, n.max_per_second * n.numbers, n.max_per_day * n.numbers::float8 FROM number n
	UNION ALL
	SELECT DISTINCT 'brand ' || b.brand, b.max_per_second * n.numbers / n.of_brand, b.max_per_day * n.numbers::float8 / n.of_brand
	FROM number n JOIN p2ptext.brand b ON b.brand = n.brand
$$;
COMMENT ON FUNCTION p2ptext.campaign_limits(p2ptext.campaign) IS 'what limits how fast a campaign''s texts leave, in SMS segments';

-- Goes through time by quarters of the clock, and to where hours begin and end:
-- whose hours it is then, and what the tightest limit lets through, evenly of
-- all who may be texted.
CREATE FUNCTION p2ptext.sending_plan(camp p2ptext.campaign, zones jsonb, segments bigint[], per_second float8,
	per_day float8, OUT finish timestamptz, OUT late float8, OUT waited interval, OUT day_bound boolean)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	always boolean;
	starts time;
	ends time;
	places int := coalesce(cardinality(segments), 0);
	opens timestamptz[] := array_fill(NULL::timestamptz, ARRAY[greatest(places, 1)]);
	closes timestamptz[] := opens;
	win record;
	t timestamptz := now();
	till timestamptz;
	step interval;
	today date;
	spent float8 := 0;
	remaining float8[] := segments::float8[];
	waiting float8;
	room float8;
	share float8;
	used float8;
BEGIN
	SELECT NOT g.keep_texting_hours, greatest(camp.hours_start, o.hours_start), least(camp.hours_end, o.hours_end)
	INTO always, starts, ends
	FROM p2ptext.gateway g LEFT JOIN p2ptext.organisation o ON o.id = g.organisation_id
	WHERE g.id = camp.gateway_id;
	late := 0;
	waited := '0';
	day_bound := false;
	finish := t;
	WHILE t < now() + interval '366 days' LOOP
		IF today IS DISTINCT FROM (t AT TIME ZONE camp.timezone)::date THEN
			today := (t AT TIME ZONE camp.timezone)::date;
			spent := 0;
		END IF;
		waiting := 0;
		till := date_bin('15 min', t, '2000-01-01 00:00+00') + interval '15 min';
		FOR i IN 1 .. places LOOP
			CONTINUE WHEN remaining[i] <= 0;
			IF NOT always THEN
				IF closes[i] IS NULL OR t >= closes[i] THEN
					SELECT * INTO win
					FROM p2ptext.place_window(ARRAY(SELECT jsonb_array_elements_text(zones -> (i - 1))), starts, ends, t);
					opens[i] := CASE WHEN win.open THEN t ELSE coalesce(win.opens, 'infinity') END;
					closes[i] := coalesce(win.closes, 'infinity');
				END IF;
				till := least(till, CASE WHEN t < opens[i] THEN opens[i] ELSE closes[i] END);
			END IF;
			IF always OR t >= opens[i] THEN
				waiting := waiting + remaining[i];
			END IF;
		END LOOP;
		step := till - t;
		IF waiting > 0 THEN
			room := extract(epoch FROM step) * per_second;
			IF per_day - spent < least(room, waiting) THEN
				room := greatest(per_day - spent, 0);
				day_bound := true;
			END IF;
			share := least(room / waiting, 1);
			used := 0;
			FOR i IN 1 .. places LOOP
				IF remaining[i] > 0 AND (always OR t >= opens[i]) THEN
					used := used + remaining[i] * share;
					remaining[i] := CASE WHEN share < 1 THEN remaining[i] * (1 - share) ELSE 0 END;
				END IF;
			END LOOP;
			spent := spent + used;
			finish := t + step * least(used / (extract(epoch FROM step) * per_second), 1);
			IF camp.send_before < finish THEN
				late := late + used;
			END IF;
		ELSE
			waited := waited + step;
		END IF;
		EXIT WHEN (SELECT coalesce(sum(r), 0) FROM unnest(remaining) r) < 0.01;
		t := till;
	END LOOP;
	IF (SELECT coalesce(sum(r), 0) FROM unnest(remaining) r) >= 0.01 THEN
		finish := 'infinity';
		late := late + CASE WHEN camp.send_before IS NULL THEN 0 ELSE (SELECT sum(r) FROM unnest(remaining) r) END;
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.sending_plan(p2ptext.campaign, jsonb, bigint[], float8, float8) IS
'when the last of some SMS segments would leave, by where their recipients are, as recipient_place() says it; infinity: not within a year';

-- What is drafted or approved in the campaign, and approved in others at its
-- gateway.  A first text that nobody has been shown may have no words yet.
CREATE FUNCTION p2ptext.waiting_texts(camp p2ptext.campaign)
RETURNS TABLE (own boolean, timezones text[], texts bigint, segments bigint)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
	by_state boolean := p2ptext.keeps_state_hours(camp);
	first record;
	speaker jsonb := jsonb_build_object('texter', to_jsonb(p2ptext.campaign_texter(camp)));
BEGIN
	SELECT * INTO STRICT first FROM p2ptext.first_texts(camp.id);
	RETURN QUERY
		SELECT w.own, CASE WHEN by_state THEN p2ptext.recipient_place(w.timezones, w.phone, w.state) ELSE w.timezones END AS place,
			   count(*), sum(p2ptext.sms_segments(w.body))::bigint
		FROM (SELECT k.id = camp.id AS own, o.timezones, o.phone, o.body,
					 CASE WHEN by_state THEN p2ptext.conversation_state(o.conversation_id, o.campaign_id) END AS state
			  FROM p2ptext.campaign k JOIN p2ptext.outbox o ON o.campaign_id = k.id AND o.position > 0
			  WHERE k.gateway_id = camp.gateway_id AND (k.status = 'active' OR k.id = camp.id) AND o.status = 'approved'
			  UNION ALL
			  SELECT k.id = camp.id, o.timezones, o.phone, o.body,
					 CASE WHEN by_state THEN p2ptext.conversation_state(o.conversation_id, o.campaign_id) END
			  FROM p2ptext.campaign k JOIN p2ptext.outbox o ON o.campaign_id = k.id AND o.not_before IS NOT NULL
			  WHERE k.gateway_id = camp.gateway_id AND (k.status = 'active' OR k.id = camp.id) AND o.status = 'approved'
			  UNION ALL
			  SELECT true, o.timezones, o.phone, coalesce(o.body,
				  (SELECT p2ptext.render(first.scripts[array_position(first.variants, o.variant)], c.fields || speaker)
				   FROM p2ptext.conversation c WHERE c.id = o.conversation_id AND c.campaign_id = o.campaign_id), ''),
					 CASE WHEN by_state THEN p2ptext.conversation_state(o.conversation_id, o.campaign_id) END
			  FROM p2ptext.outbox o
			  WHERE o.campaign_id = camp.id AND o.position = 0 AND o.kind = 'initial') w
		GROUP BY 1, 2;
END
$$;
COMMENT ON FUNCTION p2ptext.waiting_texts(p2ptext.campaign) IS
'what has not left yet: of a campaign, own, and of others at its gateway, by where recipients are, in texts and SMS segments';

-- places: [{"timezones", "segments"}]
CREATE FUNCTION p2ptext.limited_plan(camp p2ptext.campaign, places jsonb, shared boolean, pace float8, texters int,
	OUT finish timestamptz, OUT late float8, OUT waited interval, OUT why text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	per_second record;
	per_day record;
	plan record;
	zones jsonb;
	segments bigint[];
BEGIN
	SELECT jsonb_agg(p.timezones), array_agg(p.segments) INTO zones, segments
	FROM (SELECT x.timezones, sum(x.segments)::bigint AS segments
		  FROM jsonb_to_recordset(places) AS x(timezones jsonb, segments bigint) GROUP BY 1) p;
	SELECT l.name, l.rate INTO per_second
	FROM (SELECT c.name, c.per_second FROM p2ptext.campaign_limits(camp) c WHERE NOT shared OR c.name NOT LIKE 'campaign %'
		  UNION ALL
		  SELECT format('pace of texters (%s)', texters), pace WHERE NOT shared) AS l(name, rate)
	WHERE l.rate IS NOT NULL ORDER BY l.rate LIMIT 1;
	SELECT l.name, l.per_day AS rate INTO per_day
	FROM p2ptext.campaign_limits(camp) l
	WHERE l.per_day IS NOT NULL AND (NOT shared OR l.name NOT LIKE 'campaign %') ORDER BY l.per_day LIMIT 1;
	plan := p2ptext.sending_plan(camp, zones, segments, coalesce(per_second.rate, 1e9), coalesce(per_day.rate, 1e15));
	finish := plan.finish;
	late := plan.late;
	waited := plan.waited;
	why := CASE WHEN plan.day_bound THEN format('%s, %s SMS segments a day', per_day.name, trim_scale(round(per_day.rate::numeric, 4)))
				WHEN plan.waited > '0' AND (per_second.rate IS NULL
					OR (SELECT sum(n) FROM unnest(segments) n) / per_second.rate <= 900) THEN 'texting hours'
				WHEN per_second.rate IS NOT NULL
				THEN format('%s, %s SMS segments a second', per_second.name, trim_scale(round(per_second.rate::numeric, 4)))
				ELSE 'nothing' END;
END
$$;
COMMENT ON FUNCTION p2ptext.limited_plan(p2ptext.campaign, jsonb, boolean, float8, int) IS
'sending_plan() under the tightest limits, of all or of those that are shared with other campaigns, and which of them binds';

CREATE FUNCTION p2ptext.estimate_time(camp p2ptext.campaign, groups jsonb, texters int, texts_per_hour int)
RETURNS TABLE (measure text, value numeric, detail text)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	load record;
	plan record;
	shared record;
BEGIN
	SELECT jsonb_agg(to_jsonb(p)) FILTER (WHERE p.own) AS own, jsonb_agg(to_jsonb(p)) AS whole,
		   sum(p.texts) FILTER (WHERE p.own) AS texts, coalesce(sum(p.segments) FILTER (WHERE p.own), 0) AS segments,
		   sum(p.segments) FILTER (WHERE p.own AND p.waits) AS waiting, sum(p.segments) FILTER (WHERE NOT p.own) AS others
	INTO load
	FROM (SELECT true AS own, false AS waits, g.timezones, g.voters AS texts, g.voters * g.sms_segments AS segments
		  FROM jsonb_to_recordset(groups) AS g(reason text, timezones jsonb, sms_segments int, voters bigint)
		  WHERE g.reason IS NULL
		  UNION ALL
		  SELECT w.own, true, to_jsonb(w.timezones), w.texts, w.segments FROM p2ptext.waiting_texts(camp) w) p;
	IF load.segments = 0 THEN
		RETURN;
	END IF;
	plan := p2ptext.limited_plan(camp, load.own, false,
		CASE camp.mode WHEN 'p2p' THEN texters * texts_per_hour / 3600.0 * load.segments / load.texts END, texters);
	IF load.others > 0 THEN
		shared := p2ptext.limited_plan(camp, load.whole, true, NULL, NULL);
		IF shared.finish > plan.finish THEN
			plan := shared;
			plan.late := plan.late * load.segments / (load.segments + load.others);
		END IF;
	END IF;
	RETURN QUERY SELECT w.* FROM (VALUES
		('SMS segments that wait', load.waiting, 'drafted or approved before'),
		('SMS segments of others', load.others, 'approved in other campaigns at the gateway')) AS w(measure, value, detail)
	WHERE w.value > 0;
	RETURN QUERY VALUES
		('hours until the last text', CASE WHEN isfinite(plan.finish)
			THEN round(extract(epoch FROM plan.finish - now()) / 3600, 1) END,
		 CASE WHEN isfinite(plan.finish) THEN 'at ' || plan.finish ELSE 'not within a year' END),
		('hours of waiting for texting hours', round(extract(epoch FROM plan.waited) / 3600, 1),
		 CASE WHEN p2ptext.keeps_state_hours(camp) THEN 'with windows of states' END),
		('limit that binds', NULL, plan.why);
	IF camp.send_before IS NOT NULL THEN
		RETURN QUERY VALUES ('texts too late', round((plan.late * load.texts / load.segments)::numeric), 'for ' || camp.send_before);
	END IF;
END
$$;
COMMENT ON FUNCTION p2ptext.estimate_time(p2ptext.campaign, jsonb, int, int) IS
'when the last text of a campaign leaves, of those that audience_groups() counts and those that wait already, and what it depends on';
