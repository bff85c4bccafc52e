-- Voter files become tables, whatever is in them; bad lines are kept apart.
\set SHOW_CONTEXT never
CREATE SCHEMA import_test;
SET search_path = import_test, public;
\set dir `pwd`
TRUNCATE p2ptext.import RESTART IDENTITY CASCADE;
CREATE VIEW rejects AS SELECT line, reason, detail, content FROM p2ptext.import_reject
	WHERE import_id = (SELECT max(id) FROM p2ptext.import) ORDER BY line;

-- files of states and vendors, with nothing said but where they are
SELECT :'dir' || '/test/data/sample-fl-extract-synthetic.txt' AS fl, :'dir' || '/test/data/sample-nc-ncvoter-synthetic.txt' AS nc,
	:'dir' || '/test/data/sample-oh-swvf-synthetic.csv' AS oh, :'dir' || '/test/data/sample-van-myvoters-synthetic.txt' AS van,
	:'dir' || '/test/data/sample-rnc-datatrust-subset-synthetic.csv' AS rnc \gset
CALL p2ptext.import_voters('fl', :'fl');
CALL p2ptext.import_voters('nc', :'nc');
CALL p2ptext.import_voters('oh', :'oh');
CALL p2ptext.import_voters('rnc', path => :'rnc');
CALL p2ptext.import_voters('van', path => :'van');
SELECT relation, status, percent, rows, rejected, bytes_done = bytes_total AS whole FROM p2ptext.import_progress ORDER BY id;
SELECT "Voter_ID", "Name_First", "Name_Suffix", "Residence_City", "Daytime_Area_Code" FROM fl ORDER BY 1 LIMIT 3;
SELECT DISTINCT "Name_First" FROM fl WHERE "Name_First" ~ '[^ -~]';
SELECT ncid, first_name, res_street_address FROM nc ORDER BY 1 LIMIT 2;
SELECT "GENERAL-11/05/2024" AS voted, count(*) FROM oh GROUP BY 1 ORDER BY 1;
SELECT (SELECT count(*) FROM rnc WHERE rnc_regid ~ '^[0-9a-f-]{36}$') AS guids, (SELECT count(DISTINCT "Voter File VANID") FROM van) AS van;

-- quotes, line ends, delimiters, blanks
CALL p2ptext.import_voters('quotes', program => $$printf 'id,name,note\r\n1,"O""Neil","a, b"\r\n2,"JACK "BUD" SMITH",5" pipe\r\n\r\n3,"two\nlines",\r\n4,,""'$$);
SELECT * FROM quotes;
CALL p2ptext.import_voters('macintosh', program => $$printf 'id|name\r1|Ann\r2|Bo'$$);
SELECT * FROM macintosh;
CALL p2ptext.import_voters('tab', program => $$printf 'id\tname\n1\t"Bubba" Lee\n2\t"\n3\t\\N\n'$$);
SELECT * FROM tab;
CALL p2ptext.import_voters('semicolon', program => $$printf 'id;a,b;c\n1;"2;3";4\n'$$);
SELECT * FROM semicolon;
CALL p2ptext.import_voters('caret', program => $$printf 'id^name\n1^a, b\n'$$);
SELECT * FROM caret;
CALL p2ptext.import_voters('one_column', program => $$printf 'cell\n919-555-0001\n'$$);
SELECT * FROM one_column;
CALL p2ptext.import_voters('given', program => $$printf 'id^a\n1^'"'"'x^y'"'"'\n'$$, delimiter => '^', quote => '''');
SELECT * FROM given;
CALL p2ptext.import_voters('unquoted', program => $$printf 'id,a\n1,"\n'$$, quote => '');
SELECT * FROM unquoted;

-- headers of any kind, and none
CALL p2ptext.import_voters('names', program => $$printf 'id,ID,id,,id_2,ctid, spaced ,"x""); DROP TABLE nc; --","'"'"'q'"'"'",Größe,%s,%s\n1,2,3,4,5,6,7,8,9,10,11,12\n' $(printf 'é%.0s' $(seq 40)) $(printf 'é%.0s' $(seq 45))$$);
SELECT quote_ident(attname), length(attname), octet_length(attname) FROM pg_attribute WHERE attrelid = 'names'::regclass AND attnum > 0 ORDER BY attnum;
CALL p2ptext.import_voters('odd_names', program => $$printf 'id,phone,phone,,,first\n1,2,3,4,5,6\n'$$);
SELECT * FROM odd_names;
CALL p2ptext.import_voters('headless', program => $$printf '1,Ann,27601\n2,Bo,27602\n'$$);
CALL p2ptext.import_voters('headless', program => $$printf '1,Ann,27601\n2,Bo,27602\n'$$, header => false);
SELECT * FROM headless;
CALL p2ptext.import_voters('numbers', program => $$printf '2020,2024\nY,N\n'$$, header => true);
SELECT * FROM numbers;
CALL p2ptext.import_voters('florida', program => $$printf 'DAD\t1\n'$$, layout => 'fl');
CALL p2ptext.import_voters('header_only', program => $$printf 'id,name\n'$$);
CALL p2ptext.import_voters('mark', program => $$printf '\357\273\277id,name\n1,Zo\303\253\n'$$);
SELECT * FROM mark;

-- columns to keep, and more than a table can have
CALL p2ptext.import_voters('wide', program => $$seq -s, -f 'c%g' 2000; seq -s, 2000$$);
CALL p2ptext.import_voters('wide', program => $$seq -s, -f 'c%g' 2000; seq -s, 2000$$, columns => '{c2000,C17}');
SELECT * FROM wide;
CALL p2ptext.import_voters('wider', program => $$printf 'a,b\n1,2\n'$$, columns => '{a,z}');
CALL p2ptext.import_voters('wider', program => $$printf 'a,b\n1,2\n'$$, columns => '{a,A}');
CALL p2ptext.import_voters('wider', program => $$printf 'a,b\n1,2\n'$$, columns => '{}');

-- encodings: said, or shown by the first character that is not ASCII
CALL p2ptext.import_voters('utf8', program => $$printf 'id,name\n1,Ann\n2,Jos\303\251\n3,Jos\351\n'$$);
SELECT * FROM utf8;
SELECT * FROM rejects;
CALL p2ptext.import_voters('latin1', program => $$printf 'id,name\n1,Ann\n2,Jos\351\n3,O\222Neil\n'$$);
SELECT * FROM latin1;
CALL p2ptext.import_voters('said', program => $$printf 'id,name\n1,Ann\n2,Jos\351\n'$$, encoding => 'UTF8');
SELECT * FROM rejects;
CALL p2ptext.import_voters('garbage', program => $$printf 'id,name\n1,Ann\n2,\377\376\n3,\001\\\177\n'$$);
SELECT * FROM garbage;
SELECT * FROM rejects;
CALL p2ptext.import_voters('undefined', program => $$printf 'id,name\n1,Ann\n2,Jos\351\n3,\215\n4,\201\215\n'$$, encoding => 'WIN1252');
SELECT * FROM rejects;
CALL p2ptext.import_voters('klingon', program => 'echo a', encoding => 'klingon');
CALL p2ptext.import_voters('sjis', program => 'echo a', encoding => 'SJIS');
CALL p2ptext.import_voters('utf16', program => $$printf '\377\376i\0d\0'$$);
CALL p2ptext.import_voters('utf16', program => $$printf 'i\0d\0,\0'$$);
CALL p2ptext.import_voters('zip', program => $$printf 'PK\003\004'$$);
CALL p2ptext.import_voters('gzip', program => $$printf '\037\213\010'$$);
CALL p2ptext.import_voters('pdf', program => $$printf '%%PDF-1.4'$$);

-- lines that are no rows; each is kept, and nothing else is lost
CALL p2ptext.import_voters('ragged', program => $$printf 'id,name,zip\n1,Ann,27601\n2,Bo\n3,Cy,27603,x\n4,D\0an,27604\n"5,Eve,27605\n6,"Fay,27606\n7,"Guy",27607\n8,Hal,27608\n9,"I\n'$$);
SELECT * FROM ragged;
SELECT * FROM rejects;
CALL p2ptext.import_voters('long', program => $$printf 'id,name\n1,Ann\n2,'; head -c 3000000 /dev/zero | tr '\0' x; printf '\n3,Cy\n'$$);
SELECT * FROM long;
SELECT line, reason, detail, left(content, 20) AS starts, length(content) FROM rejects;
CALL p2ptext.import_voters('large', program => $$seq -s, -f 'c%g' 1200; seq -s, 1001 2200; seq -s, 10000001 10001200; seq -s, -f 'value number %g is long enough to be toasted' 1200;
	seq -s, -f "%g`printf '=%.0s' $(seq 40)`" 300 | tr -d '\n'; printf ',%.0s' $(seq 900)$$);
SELECT c1, c300, c1200 FROM large;
SELECT line, reason, detail, left(content, 20) AS starts FROM rejects;

-- another file than was thought
CALL p2ptext.import_voters('other', program => $$printf 'id,name,zip\n1\n2\n3\n'$$);
CALL p2ptext.import_voters('other', program => $$printf 'id,name,zip\n1\n2,Bo,27602\n3\n'$$, max_rejects => 1);
CALL p2ptext.import_voters('other', program => $$printf 'id,name\n'; seq 5000$$, max_rejects => NULL);
CALL p2ptext.import_voters('other', program => $$printf 'id,name\n'; seq 5000$$, max_rejects => 5000);
SELECT count(*), min(line), max(line) FROM rejects;
CALL p2ptext.import_voters('empty', program => 'true');
CALL p2ptext.import_voters('empty', program => 'printf "\n\n"');
CALL p2ptext.import_voters('failed', program => 'echo a,b; echo 1,2; exit 3');
SELECT to_regclass('failed'), to_regclass('empty');

-- arguments
CALL p2ptext.import_voters('nc');
CALL p2ptext.import_voters('nc', '/x', 'cat /x');
CALL p2ptext.import_voters('nc', 'x.csv');
CALL p2ptext.import_voters('new', '/nowhere/x.csv');
CALL p2ptext.import_voters('new', '/dev/null');
CALL p2ptext.import_voters('new', '/tmp');
CALL p2ptext.import_voters('quotes', program => 'printf "a,b\n1,2\n"');
CALL p2ptext.import_voters(NULL, program => 'printf "a,b\n1,2\n"');
CALL p2ptext.import_voters('a.b.c', program => 'printf "a,b\n1,2\n"');
CALL p2ptext.import_voters('nowhere.b', program => 'printf "a,b\n1,2\n"');
CALL p2ptext.import_voters('new', program => 'printf "a,b\n1,2\n"', delimiter => 'ab');
CALL p2ptext.import_voters('new', program => 'printf "a,b\n1,2\n"', quote => 'é');
CALL p2ptext.import_voters('new', program => 'printf "a,b\n1,2\n"', layout => 'ncvoters');
CALL p2ptext.import_voters('new', program => 'printf "a,b\n1,2\n"', part_size => 0);
CALL p2ptext.import_voters('new', program => 'printf "a,b\n1,2\n"', max_rejects => -1);
BEGIN;
CALL p2ptext.import_voters('new', program => 'printf "a,b\n1,2\n"');
ROLLBACK;
CALL p2ptext.import_voters('"import_test"."Odd ""name"""', program => 'printf "a,b\n1,2\n"', delimiter => 'tab');
SELECT * FROM "Odd ""name""";

-- who may
CREATE ROLE import_manager;
CREATE ROLE import_reader;
SELECT kind FROM p2ptext.grant_role('import_manager', 'manager');
SELECT kind FROM p2ptext.grant_role('import_reader', 'reader');
GRANT USAGE, CREATE ON SCHEMA import_test TO import_manager;
SET ROLE import_reader;
CALL p2ptext.import_voters('mine', program => 'printf "a,b\n1,2\n"');
SET ROLE import_manager;
CALL p2ptext.import_voters('mine', program => 'printf "a,b\n1,2\n"');
CALL p2ptext.import_voters('mine', :'van');
RESET ROLE;
GRANT pg_read_server_files TO import_manager;
SET ROLE import_manager;
CALL p2ptext.import_voters('mine', :'van');
SELECT count(*), count("Cell Phone") FROM mine;
SELECT tableowner FROM pg_tables WHERE tablename = 'mine';
SELECT p2ptext.import_rows((SELECT i FROM p2ptext.import i WHERE relation = 'import_test.van'), 1000, -1);
SELECT p2ptext.import_rows((SELECT i FROM p2ptext.import i WHERE relation = 'import_test.tab'), 1000, -1);
RESET ROLE;

\set VERBOSITY terse
DROP OWNED BY import_manager, import_reader;
SELECT p2ptext.revoke_role('import_manager'), p2ptext.revoke_role('import_reader');
DROP ROLE import_manager, import_reader;
SELECT status, count(*) FROM p2ptext.import_progress GROUP BY 1 ORDER BY 1;
SET client_min_messages = warning;
DROP SCHEMA import_test CASCADE;
SELECT status, count(*) FROM p2ptext.import_progress GROUP BY 1;
DELETE FROM p2ptext.import;
SELECT count(*) FROM p2ptext.import_reject;
