-- followup.sql
--	  Second passes: campaigns made of what came of others.
--
-- A follow-up is a campaign of its own, over those of the first one's segment
-- who are in it still.  Its segment asks what came of the first, and is read
-- again as each text leaves: who has answered meanwhile is left out.  Whoever
-- opted out is, as in every launch.

CREATE FUNCTION p2ptext.followup_campaign(name text, "from" text, script p2ptext.script,
	contacted jsonb DEFAULT '{}', not_contacted_within interval DEFAULT '1 day', gateway text DEFAULT NULL)
RETURNS p2ptext.campaign
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	first p2ptext.campaign := p2ptext.find_campaign("from");
	seg p2ptext.segment;
	made p2ptext.campaign;
BEGIN
	PERFORM p2ptext.require_member('manager');
	PERFORM p2ptext.check_new_name('campaign', name);
	IF first.launched_at IS NULL THEN
		RAISE EXCEPTION 'campaign "%" has not been launched', first.name
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'There is nothing to follow up on.';
	ELSIF not_contacted_within < '0' THEN
		RAISE EXCEPTION 'not_contacted_within must not be negative'
			USING ERRCODE = 'invalid_parameter_value';
	ELSIF jsonb_typeof(contacted) IS DISTINCT FROM 'object' OR contacted ? 'campaign' THEN
		RAISE EXCEPTION 'contacted must be an object without "campaign"'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Pass, for example, {"question": "Will you vote?", "answer": "yes"}, {"result": "call_back"}, {"tag": "volunteer"} or {"replied": false}.';
	END IF;
	SELECT * INTO STRICT seg FROM p2ptext.segment s WHERE s.id = first.segment_id;
	PERFORM p2ptext.add_segment(name || ': contacted', s.name,
		contacted => contacted || jsonb_build_object('campaign', first.name),
		not_contacted => CASE WHEN not_contacted_within > '0' THEN jsonb_build_object('within', not_contacted_within) END)
	FROM p2ptext.source s WHERE s.id = seg.source_id;
	PERFORM p2ptext.combine_segments(name, 'intersect', ARRAY[seg.name, name || ': contacted']);
	made := p2ptext.create_campaign(name, name,
		coalesce(gateway, (SELECT g.name FROM p2ptext.gateway g WHERE g.id = first.gateway_id)), script,
		mode => first.mode, texter => first.texter, hours_start => first.hours_start, hours_end => first.hours_end,
		timezone => first.timezone, contact_gap => first.contact_gap, recheck => true);
	-- The law, and who may do and see what, are as they were.
	UPDATE p2ptext.campaign c
	SET state_hours = first.state_hours, texter_fields = first.texter_fields, assignment = first.assignment,
		batch_size = first.batch_size, max_per_texter = first.max_per_texter, max_per_minute = first.max_per_minute,
		release_after = first.release_after, free_edit = first.free_edit, auto_code = first.auto_code
	WHERE c.id = made.id
	RETURNING * INTO made;
	INSERT INTO p2ptext.required_text (campaign_id, states, any_of, field, reason)
	SELECT made.id, r.states, r.any_of, r.field, r.reason FROM p2ptext.required_text r WHERE r.campaign_id = first.id;
	PERFORM p2ptext.set_campaign_teams(made.name, ARRAY(
		SELECT t.name FROM p2ptext.campaign_team c JOIN p2ptext.team t ON t.id = c.team_id WHERE c.campaign_id = first.id));
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.followup_campaign(text, text, p2ptext.script, jsonb, interval, text) IS
'makes a campaign, not yet launched, of the voters whom another one texted, and whose conversation there has the status, result, tag, answer or replied in contacted, as add_segment() takes it; not those contacted on any channel within a while, nor those who left the segment';

CREATE FUNCTION p2ptext.followup(campaign text, script p2ptext.script DEFAULT NULL, after interval DEFAULT '2 days',
	name text DEFAULT NULL)
RETURNS p2ptext.campaign
LANGUAGE plpgsql
AS $$
#variable_conflict use_variable
DECLARE
	first p2ptext.campaign := p2ptext.find_campaign(campaign);
	n int := 2;
	tree jsonb;
	made p2ptext.campaign;
BEGIN
	IF after IS NULL OR after <= '0' THEN
		RAISE EXCEPTION 'after must be longer than nothing'
			USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Pass how long voters have had to answer, such as ''2 days''.';
	END IF;
	IF name IS NULL THEN
		WHILE EXISTS (SELECT FROM p2ptext.campaign c WHERE c.name = format('%s (%s)', campaign, n)) LOOP
			n := n + 1;
		END LOOP;
		name := format('%s (%s)', campaign, n);
	END IF;
	tree := p2ptext.script_tree(first.name);
	script := coalesce(script, (tree ->> 'script')::p2ptext.script);
	made := p2ptext.followup_campaign(name, campaign, script, '{"replied": false, "status": "messaged"}', after);
	-- It asks what the first one asked.
	IF tree ? 'question' THEN
		PERFORM p2ptext.set_script_tree(made.name, tree || jsonb_build_object('script', p2ptext.script_text(script)));
	END IF;
	RETURN made;
END
$$;
COMMENT ON FUNCTION p2ptext.followup(text, p2ptext.script, interval, text) IS
'makes a campaign, not yet launched, of one more text, the first one again unless there is a script, to those whom another one texted so long ago and who did not answer; it asks the same questions; who answers before the text leaves does not get it';
