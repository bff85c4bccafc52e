-- Names as people write them
SELECT n, p2ptext.proper_name(n) FROM unnest(ARRAY[
	'O''BRIEN', 'McDONALD', 'MCDONALD', 'mcdonald', 'DE LA CRUZ', 'MARY-ANN', 'ÉLODIE', '  maria  ', 'SMITH JR',
	'SMITH, JR.', 'JOHN SMITH III', 'HENRY VIII', 'II', 'D''ANGELO', 'DE''ANDRE', 'O’NEILL', 'SAM''S', 'MACDONALD', 'MACK', 'MACY',
	'MACHADO', 'MACLEOD', 'MCGEE-SMITH', 'SMITH-MCGEE', 'TJ', 'DJ', 'AJ', 'NG', 'LY', 'JO', 'J.R.', 'J. R.', 'ST. JOHN',
	'VAN DER BERG', 'ORTEGA Y GASSET', 'MÜLLER', 'ŁUKASZ', 'ŠIMIĆ', 'NGUYỄN', 'ΓΙΏΡΓΟΣ', 'ИВАН', 'ÑUÑEZ', 'İLKER', 'STRAẞE',
	'McDonald', 'deShawn', 'LaToya', 'de la Cruz', 'Mary  Ann', 'LaTOYA', 'DeLUCA', 'MacARTHUR', 'JOHN SMITH MD',
	'ANNE MARIE', 'JR', 'VI', 'X', '3RD', '', '   ', 'O''', '''', '-', 'MC', '王小明', E'JOSE\u0301']) n;
