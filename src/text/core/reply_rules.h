/*-------------------------------------------------------------------------
 *
 * reply_rules.h
 *	  The words and phrases reply.c knows, in English and Spanish.
 *
 * Words are in plain spelling: lower case, without accents and apostrophes.
 * "do not" is read as "dont", "no longer" as "nolonger", and so on; see the
 * pairs in reply.c.
 *
 *-------------------------------------------------------------------------
 */
#ifndef P2PTEXT_REPLY_RULES_H
#define P2PTEXT_REPLY_RULES_H

/* Classes of words; a word may be in several. */
static const char *const word_classes[][2] = {
	/* courtesies: they change nothing around a keyword */
	{"POLITE",
	 "please pls plz plss plse pleae thanks thank thx tks ty now ok "
	 "okay k kindly asap immediately sir maam hi hello hey por favor porfa "
	 "gracias ya"},
	/* what else may stand around STOP */
	{"FILL", "i you u yall it this that just said say the already again "
			 "seriously really all right dude bro man people guys lady hell "
			 "fuck fucking fuckin fkn fking freaking goddamn damn wtf ffs omg "
			 "god for real once jesus lol at tia with me my us anymore "
			 "forever no yes um uh yo"},
	{"STOP", "stop stpo sotp tsop stp stopp sttop sstop st0p stob stoo stip "
			 "stopit"},
	{"STOPV", "stop stopp st0p stpo quit cease discontinue desist halt"},
	{"STOPWORD", "quit end stop unsubscribe optout cancel"},
	/* alone in a message, but for courtesies */
	{"KEY",
	 "stop stopall quit end revoke optout cancel unsubscribe remove delete "
	 "exit stop2quit stop2end stop2stop stop2optout stop2unsubscribe "
	 "stoptoquit "
	 "stoptoend endall quitall arret arrete arretez stopp td cancelar cancela "
	 "cancele cancelen alto parar pare paren detener detente detenganse basta "
	 "baja salir unlist unenroll discontinue"},
	{"UNSUB", "unsubscribe unsubscribed unsubscribing unsub unsubs unsuscribe "
			  "unsubcribe unsubscibe unsubsribe unsubscrib unsubscribr "
			  "unsubsrcibe unsuscribed unsubscrube unsubscride unsibscribe "
			  "unscribe unscubscribe unsubacribe desuscribir desuscribirme "
			  "desuscribanme desuscribeme desinscribir stopall stop2quit "
			  "stop2end stop2stop stoptoquit stoptoend"},
	{"TEXTN", "text texts txt txts message messages msg msgs mssg sms spam "
			  "texting txting messaging messege messeges mesage mesages "
			  "massages notifications alerts reminders communication "
			  "communications correspondence solicitation solicitations "
			  "solicitating soliciting contact emails calls robocalls "
			  "robotexts harassment mensaje mensajes textos texto mensages"},
	{"TEXTONLY",
	 "text texts txts messages msgs sms spam texting txting messaging "
	 "contact mensajes textos"},
	{"STUFF", "shit crap bs bullshit nonsense garbage junk stuff"},
	{"TEXTV", "text txt message msg contact bother email write harass spam "
			  "disturb solicit txet texr"},
	{"GERUND", "texting txting textin texing texxting messaging messagin "
			   "contacting spamming bothering harassing emailing writing "
			   "bugging pestering annoying soliciting calling phoning "
			   "disturbing messeging"},
	{"PASSIVE", "contacted texted messaged called bothered emailed disturbed "
				"harassed spammed solicited"},
	{"CALLING", "calling callin"},
	{"RECEIVE", "receive recieve receiving recieving get getting"},
	{"ME", "me us"},
	{"MINE", "my our this that these"},
	{"DET", "the these this those your ur yo any all more of such my our "
			"political campaign unwanted unsolicited stupid damn fucking "
			"fuckin annoying constant further future other additional mass "
			"automated random spam text texts mailing contact contacts "
			"calling call texting phone sms distribution marketing every "
			"so many dumb goddamn ridiculous endless daily single sus estos "
			"esos tus tu su los la el las mas de texto and or kind sort"},
	{"DONT", "dont never donot dnt doont dontt nolonger nunca"},
	{"NEG", "not dont never donot cant cannot wont didnt doesnt shouldnt "
			"wouldnt couldnt without non nolonger dnt why did if nunca nor "
			"unless hasnt havent until"},
	{"LINK", "to you u want ever please need have just gonna going ask asking "
			 "plan planning them let me "
			 "us my number name take taken taking get remove removed be"},
	{"SUBJ", "i we they he she who you u people why some most voters if it "
			 "ive that folks others everyone kids parents"},
	{"EVER", "ever please pls dare bother again even"},
	{"AGAIN", "again anymore anymor here ever back any no please pls plz "
			  "thanks thank further period moving going forward or i im ive "
			  "because cuz bc anytime"},
	{"LIMIT", "while until till before after at during late early so when "
			  "unless today tonight tomorrow yet right about if on in and "
			  "that between this these"},
	{"LIMITED", "while until before after during late early so when unless "
				"if"},
	{"YOU", "you u yall ya yous"},
	{"ISNT", "isnt aint arent wasnt"},
	{"TAKE", "take get pull tak"},
	{"LIST", "list lists roster database databases system contacts file files "
			 "rolodex lista listas distribution thread chat group"},
	{"REMOVE", "remove delete erase drop scrub strike scratch purge block "
			   "rmove remov remve unlist"},
	{"REMOVED", "removed deleted dropped unsubscribed taken"},
	{"LOSE", "lose loose forget delete erase block"},
	{"NUMBER",
	 "number # num nbr numbr numer nubmer phone cell info information "
	 "contact name digits contacts numbers"},
	{"PLACE", "office ballot congress senate power school ticket"},
	{"WANT", "want wish need desire wanna wants"},
	{"LIKE", "like want wish wanna love prefer need"},
	{"MODAL", "must should need needs has have gotta better to"},
	{"CAN", "can could would will"},
	{"HALTS", "stop end cease"},
	{"ENDV", "end cancel discontinue cease"},
	{"SUBSCRIPTION", "subscription subscriptions enrollment registration"},
	{"REVOKE", "revoke withdraw rescind revoking withdrawing"},
	{"REVOKED", "revoked withdrawn rescinded"},
	{"CONSENT", "consent permission authorization"},
	{"AFTERSTOP", "i im ive id ill because cuz bc wrong not dont "
				  "never we unsubscribe remove take isnt or"},
	{"TO", "to 2 too two"},
	{"HEAR", "hear"},
	/* opting in, help */
	{"START", "start unstop resume subscribe resubscribe restart optin iniciar "
			  "comenzar inicia comience continuar"},
	{"HELPKEY", "help info ayuda informacion"},
	/* wrong number */
	{"WRONG", "wrong wrng worng rong incorrect"},
	{"PHONE", "number num nbr numbr nubmer phone # cell numero"},
	{"PERSON", "person guy gal lady man woman dude individual girl people "
			   "human one contact"},
	{"REACHED", "have got has gotten reached texted texting contacted "
				"contacting messaging messaged calling called getting "
				"havent sent sending"},
	{"THIRD", "her him them she he his their hers"},
	{"NOBODY", "nobody noone anyone anybody no none"},
	{"SOMEONE", "someone somebody"},
	{"MEANT", "looking meant texting intended confused mistaken mistaking "
			  "thinking trying want wanted"},
	{"THIS", "this that it its thats"},
	{"IM", "im iam"},
	/* parties, candidates and the like are no voters' names */
	{"NOTNAME",
	 "trump biden harris kamala vance maga obama clinton bernie desantis "
	 "republican republicans democrat democrats dem dems gop independent "
	 "libertarian liberal conservative american mexican catholic christian "
	 "muslim jewish socialist communist racist registered interested sure "
	 "voting home available maga texas florida california ohio georgia "
	 "america english spanish okay true right fair democracy politics black "
	 "white hispanic latino asian vegan monday tuesday wednesday thursday "
	 "friday saturday sunday november october really going here there happy "
	 "funny cool helpful good great bad spam political legal real working"},
	/* common enough to be known without a capital */
	{"NAME",
	 "maria james john robert michael david william richard joseph thomas "
	 "charles christopher daniel matthew anthony steven paul andrew joshua "
	 "kenneth kevin brian george timothy ronald edward jason jeffrey ryan "
	 "jacob gary nicholas eric jonathan stephen larry justin scott brandon "
	 "benjamin samuel gregory alexander patrick jack dennis jerry tyler aaron "
	 "jose adam nathan henry zachary douglas peter kyle noah ethan jeremy "
	 "walter christian keith roger terry sean gerald carl harold dylan arthur "
	 "lawrence jordan jesse bryan joe juan carlos luis jorge miguel pedro "
	 "mary patricia jennifer linda elizabeth barbara susan jessica sarah "
	 "karen lisa nancy betty sandra margaret ashley kimberly emily donna "
	 "michelle carol amanda melissa deborah stephanie rebecca sharon laura "
	 "cynthia dorothy amy kathleen angela shirley brenda emma anna pamela "
	 "nicole samantha katherine christine helen debra rachel carolyn janet "
	 "catherine heather diane olivia julie joyce victoria ruth virginia "
	 "lauren kelly christina joan evelyn judith andrea hannah megan cheryl "
	 "jacqueline martha madison teresa gloria sara janice ana rosa carmen "
	 "guadalupe sofia lucia elena mike dave bob jim tom dan chris steve tony "
	 "jen liz beth kate katie sue debbie jane alice bobby jimmy tommy ed"},
	/* Spanish */
	{"ESVERB",
	 "manden mande mandes mandar mandarme mandarnos mandando envien envie "
	 "envies enviar enviarme enviando escriban escriba escribas escribir "
	 "escribirme contacten contacte contactes contactar contactarme llamen "
	 "llame llames llamar llamarme molesten moleste molestes molestar "
	 "molestarme texteen textee textees texten textear textearme mensajeen "
	 "manda envia escribe molesta"},
	{"DEJA", "deja deje dejen dejar dejes para pare paren parar"},
	{"DEJAME", "dejame dejeme dejenme dejennos dejanos"},
	{"QUITAME", "quiteme quitenme quitame borrame borreme borrenme eliminame "
				"elimineme eliminenme saqueme saquenme sacame remuevame "
				"remuevanme quitarme borrarme eliminarme"},
	{"QUITA", "quite quiten quita quitar borre borren borra borrar elimine "
			  "eliminen elimina eliminar saquen saque remueva remuevan"},
	{"DAR", "dar darme denme deme dame darse denos darnos"},
	{"QUIERO", "quiero deseo necesito queremos"},
	{"NUMERO", "numero nombre telefono"},
	{"EQUIVOCADO", "equivocado equivocada equivoco equivocaste equivocaron "
				   "equivocados"},
};

/* What is asked before a phrase counts. */
typedef enum Guard
{
	ANYWHERE,
	NOT_NEGATED, /* not in "don't stop texting me" */
	UNLED,		 /* nor in "I had to stop texting" */
	IMPERATIVE,	 /* not in "I don't text" */
	CALLS_ONLY	 /* not beside a wish to be texted: "don't call, text me" */
} Guard;

/*
 * A pattern is matched within one clause.  CLASS or word, alternatives with |;
 * X? may be absent; X* up to four times; !X must not follow; . any word;
 * ~ up to three words; ^ nothing but filling before; $ nothing but filling
 * behind.
 */
typedef struct Rule
{
	ReplyMeaning meaning;
	Guard guard;
	const char *pattern;
} Rule;

static const Rule rules[] = {
	/* STOP by itself, and what people add to it */
	{REPLY_OPT_OUT, ANYWHERE, "^ STOP $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ STOP AFTERSTOP"},
	{REPLY_OPT_OUT, ANYWHERE, "STOP TO? STOPWORD"},
	{REPLY_OPT_OUT, ANYWHERE, "^ quit it|this|that $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ STOPV DET* STUFF $"},
	{REPLY_OPT_OUT, NOT_NEGATED,
	 "said|told|asked|asking|replied YOU* to? STOP $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "CAN YOU FILL|POLITE* STOP $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "YOU to STOP $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "make it|this|these|them DET* TEXTN? STOP $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "TEXTN ~ MODAL HALTS $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "please|pls|plz STOP $"},
	/* stop texting me */
	{REPLY_OPT_OUT, NOT_NEGATED, "STOPV GERUND ME !LIMITED"},
	{REPLY_OPT_OUT, NOT_NEGATED, "STOPV GERUND MINE DET* NUMBER"},
	{REPLY_OPT_OUT, UNLED, "STOPV GERUND $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "GERUND ME STOP $"},
	{REPLY_OPT_OUT, ANYWHERE, "interested|voted|number STOP $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "YOU CAN|MODAL* STOP $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "^ STOPV GERUND AGAIN"},
	{REPLY_OPT_OUT, NOT_NEGATED, "please|pls|plz STOPV GERUND $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "YOU ~ STOPV GERUND $"},
	{REPLY_OPT_OUT, ANYWHERE, "WRONG PHONE|PERSON DET* STOPV GERUND? $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "STOPV sending ME|my"},
	{REPLY_OPT_OUT, NOT_NEGATED, "STOPV blowing ME|my|up"},
	{REPLY_OPT_OUT, NOT_NEGATED, "STOPV sending|RECEIVE DET* TEXTN !to"},
	{REPLY_OPT_OUT, NOT_NEGATED,
	 "^ STOPV sending DET* STUFF|this|these|them|anything $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "^ STOPV sending $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "^ STOPV with? DET* TEXTN !LIMITED"},
	{REPLY_OPT_OUT, ANYWHERE, "how ~ STOPV DET* TEXTN"},
	{REPLY_OPT_OUT, NOT_NEGATED, "CAN|WANT|need ~ STOPV DET* TEXTN $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ ENDV DET* TEXTN|SUBSCRIPTION"},
	{REPLY_OPT_OUT, ANYWHERE, "cease and desist"},
	{REPLY_OPT_OUT, NOT_NEGATED, "cease ~ TEXTN"},
	/* do not text me */
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* TEXTV ME !LIMIT"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* TEXTV ME at DET* NUMBER"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* TEXTV ME in the future"},
	{REPLY_OPT_OUT, IMPERATIVE,
	 "DONT EVER* TEXTV ME about this|politics|voting"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* TEXTV $"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* TEXTV AGAIN"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* TEXTV MINE DET* NUMBER|line"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* send ME !to"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* send DET* TEXTN"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT EVER* reach out"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT TEXTV|call|solicit list|registry"},
	{REPLY_OPT_OUT, CALLS_ONLY, "DONT EVER* call ME AGAIN"},
	{REPLY_OPT_OUT, CALLS_ONLY, "DONT EVER* call ME|AGAIN $"},
	{REPLY_OPT_OUT, CALLS_ONLY, "DONT EVER* call MINE DET* NUMBER"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT call or TEXTV"},
	{REPLY_OPT_OUT, IMPERATIVE, "DONT TEXTV or call"},
	/* I do not want your texts */
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT DET* TEXTN"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT any more of these|this|those"},
	{REPLY_OPT_OUT, ANYWHERE,
	 "DONT WANT to? RECEIVE DET* anything|TEXTN|these|this"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT to? HEAR ~ from"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT to be PASSIVE"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT to be on|in|part DET* LIST"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT you|u|anyone to TEXTV|send|call|HEAR"},
	{REPLY_OPT_OUT, ANYWHERE, "DONT WANT you|u GERUND"},
	{REPLY_OPT_OUT, ANYWHERE, "not interested in RECEIVE|HEAR"},
	{REPLY_OPT_OUT, ANYWHERE, "not interested in DET* TEXTN"},
	{REPLY_OPT_OUT, ANYWHERE, "not WANT to be PASSIVE"},
	{REPLY_OPT_OUT, ANYWHERE, "NOBODY|no more DET* TEXTN !for"},
	{REPLY_OPT_OUT, ANYWHERE, "no further TEXTN"},
	{REPLY_OPT_OUT, ANYWHERE, "^ no more $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ no DET* TEXTONLY $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ enough with? DET* TEXTN"},
	/* take me off your list */
	{REPLY_OPT_OUT, NOT_NEGATED, "TAKE ME off|out !guard"},
	{REPLY_OPT_OUT, NOT_NEGATED, "TAKE ME of DET* LIST"},
	{REPLY_OPT_OUT, NOT_NEGATED, "TAKE MINE DET* NUMBER off|out"},
	{REPLY_OPT_OUT, NOT_NEGATED, "off|out of? DET* LIST !of"},
	{REPLY_OPT_OUT, NOT_NEGATED, "want|wanna off $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ remove $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "REMOVE ME $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "REMOVE ME from|off|please !PLACE"},
	{REPLY_OPT_OUT, NOT_NEGATED, "REMOVE MINE DET* NUMBER"},
	{REPLY_OPT_OUT, NOT_NEGATED, "^ REMOVE DET* NUMBER"},
	{REPLY_OPT_OUT, NOT_NEGATED, "REMOVE ME? from DET* LIST"},
	{REPLY_OPT_OUT, NOT_NEGATED, "LIKE to be REMOVED"},
	{REPLY_OPT_OUT, NOT_NEGATED, "ME|MINE NUMBER? REMOVED"},
	{REPLY_OPT_OUT, NOT_NEGATED, "be? REMOVED from DET* LIST"},
	{REPLY_OPT_OUT, NOT_NEGATED, "^ LOSE MINE DET* NUMBER"},
	{REPLY_OPT_OUT, NOT_NEGATED, "leave ME ~ alone"},
	{REPLY_OPT_OUT, ANYWHERE, "^ go away $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "UNSUB !from"},
	{REPLY_OPT_OUT, NOT_NEGATED,
	 "UNSUB from DET* LIST|TEXTN|this|these|all|you|everything"},
	{REPLY_OPT_OUT, NOT_NEGATED, "^ optout $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "opt ME out"},
	{REPLY_OPT_OUT, NOT_NEGATED, "i|im|ME|to|how|please|id ~ optout !of"},
	{REPLY_OPT_OUT, NOT_NEGATED,
	 "optout of DET* TEXTN|LIST|RECEIVE|this|these|GERUND"},
	{REPLY_OPT_OUT, NOT_NEGATED, "REVOKE ~ CONSENT"},
	{REPLY_OPT_OUT, NOT_NEGATED, "CONSENT ~ REVOKED"},
	/* Spanish */
	{REPLY_OPT_OUT, ANYWHERE, "^ alto|basta|pare|paren|parar|detengase $"},
	{REPLY_OPT_OUT, ANYWHERE, "^ no mas $"},
	{REPLY_OPT_OUT, ANYWHERE, "no mas DET* TEXTN"},
	{REPLY_OPT_OUT, ANYWHERE,
	 "no|nunca me|nos vuelva|vuelvan|vuelvas? a? ESVERB"},
	{REPLY_OPT_OUT, ANYWHERE, "no ESVERB DET* TEXTN|nada"},
	{REPLY_OPT_OUT, ANYWHERE, "no ESVERB mas $"},
	{REPLY_OPT_OUT, NOT_NEGATED, "DEJA de ESVERB"},
	{REPLY_OPT_OUT, NOT_NEGATED, "DEJAME en paz"},
	{REPLY_OPT_OUT, NOT_NEGATED, "DEJAME de ESVERB"},
	{REPLY_OPT_OUT, NOT_NEGATED, "QUITAME"},
	{REPLY_OPT_OUT, NOT_NEGATED, "QUITA mi|este|ese NUMERO"},
	{REPLY_OPT_OUT, NOT_NEGATED, "DAR de baja"},
	{REPLY_OPT_OUT, ANYWHERE, "no QUIERO ~ TEXTN"},
	{REPLY_OPT_OUT, ANYWHERE, "no QUIERO mas|recibir|recibirlos|saber"},
	{REPLY_OPT_OUT, ANYWHERE, "no QUIERO que ~ ESVERB"},
	/* whom it reached */
	{REPLY_WRONG_NUMBER, ANYWHERE, "WRONG PHONE !of|for|to"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "^ WRONG PERSON $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "REACHED the? WRONG PERSON $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "not|ISNT my name $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "THIS ISNT|not NAME|THIRD $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "IM not NAME|THIRD $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "i ISNT NAME|THIRD $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "^ not NAME $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "this is NAME not NAME $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "ISNT|not NAME|THIRD|the NUMBER $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "nolonger NAME|THIRD|the|my NUMBER"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "nolonger|doesnt has|have this|that NUMBER"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "NOBODY ~ by|with that|this name"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "NOBODY|dont ~ named"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "no . at|on this NUMBER"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "^ no NAME here $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "is no NAME here"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "not the right? PERSON ~ MEANT"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "not the right PERSON $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "MEANT for? ~ SOMEONE else"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "TEXTN ~ for SOMEONE else"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "just got this NUMBER"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "had this NUMBER"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "NUMERO EQUIVOCADO"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "persona EQUIVOCADO"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "EQUIVOCADO de? NUMERO|persona"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "^ EQUIVOCADO $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "no soy NAME $"},
	{REPLY_WRONG_NUMBER, ANYWHERE, "no es el|su|mi NUMERO"},
	/* starting again */
	{REPLY_OPT_IN, NOT_NEGATED, "opt ME? back? in $"},
	{REPLY_OPT_IN, NOT_NEGATED, "sign|add|opt ME back up|in|on"},
	{REPLY_OPT_IN, NOT_NEGATED, "START GERUND|sending ME"},
	{REPLY_OPT_IN, NOT_NEGATED, "subscribe|resubscribe ME"},
};

#endif
