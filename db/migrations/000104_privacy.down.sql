DROP TABLE privacy_notices;
DROP TABLE privacy_erasures;
