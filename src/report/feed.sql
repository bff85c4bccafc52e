-- feed.sql
--	  The publication by which another database follows all campaigns.

CREATE FUNCTION p2ptext.keep_publication(publication name) RETURNS void
LANGUAGE c VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'p2ptext_keep_publication';

-- Whether wal_level suffices is the matter of whoever subscribes.
SET LOCAL client_min_messages = error;
CREATE PUBLICATION p2ptext_feed FOR TABLE
	p2ptext.organisation, p2ptext.gateway, p2ptext.sender, p2ptext.campaign, p2ptext.script_variant, p2ptext.interaction_step,
	p2ptext.answer_option, p2ptext.conversation, p2ptext.message, p2ptext.question_response,
	p2ptext.opt_out, p2ptext.launch, p2ptext.audience_drop;
SET LOCAL client_min_messages = warning;
COMMENT ON PUBLICATION p2ptext_feed IS 'campaigns, conversations, messages, answers and opt-outs, for logical replication';
SELECT p2ptext.keep_publication('p2ptext_feed');
DROP FUNCTION p2ptext.keep_publication(name);
