-- What the telephone may see of the tables on MariaDB, which has no policies for rows: a database
-- of views with the tables' names, and a role that may read them. Run after tables.sql, which made
-- the tables in the database northgate. The user itself is made by
--
--   CREATE USER orderline IDENTIFIED BY '...'; GRANT calls_reader TO orderline;
--   GRANT SELECT ON northgate_calls.CTLPAR TO orderline;
--
-- The role is nobody's default: without SET ROLE the user can read the one table that lets it in.

CREATE DATABASE northgate_calls CHARACTER SET utf8mb4;
USE northgate_calls;

-- The account that the call is for. A view may not name a variable, but it may call a function.
CREATE FUNCTION CALACC() RETURNS CHAR(8) CHARACTER SET utf8mb4 DETERMINISTIC NO SQL
    RETURN @`app.account`;

CREATE VIEW CTLPAR AS SELECT * FROM northgate.CTLPAR;
CREATE VIEW WHSMST AS SELECT * FROM northgate.WHSMST;
CREATE VIEW ITMMST AS SELECT * FROM northgate.ITMMST;
CREATE VIEW PRCDSC AS SELECT * FROM northgate.PRCDSC;
CREATE VIEW WHSBAL AS SELECT * FROM northgate.WHSBAL;
CREATE VIEW PORDTL AS SELECT * FROM northgate.PORDTL;
CREATE VIEW CARMST AS SELECT * FROM northgate.CARMST;
CREATE VIEW CUSMST AS SELECT * FROM northgate.CUSMST;
CREATE VIEW CUSCON AS SELECT * FROM northgate.CUSCON;

-- What every caller's order claims of the stock, and no word of whose it is.
CREATE VIEW OPNDMD AS
SELECT D.ITNBR, H.WHSID, D.PRMDT, SUM(D.QTORD - D.QTSHP) AS QTOPN
FROM northgate.ORDHDR H JOIN northgate.ORDDTL D ON D.DOCID = H.DOCID
WHERE H.DOCKD = 'O' AND H.DOCST IN ('P', 'B') AND H.DELCD <> 'D' AND D.QTSHP < D.QTORD
GROUP BY D.ITNBR, H.WHSID, D.PRMDT;

CREATE VIEW CUSCRD AS SELECT * FROM northgate.CUSCRD WHERE CUSNO = CALACC();
CREATE VIEW ORDHDR AS SELECT * FROM northgate.ORDHDR WHERE CUSNO = CALACC();
CREATE VIEW ARITEM AS SELECT * FROM northgate.ARITEM WHERE CUSNO = CALACC();
CREATE VIEW ORDDTL AS SELECT D.* FROM northgate.ORDDTL D JOIN ORDHDR H ON H.DOCID = D.DOCID;
CREATE VIEW SHPHDR AS SELECT S.* FROM northgate.SHPHDR S JOIN ORDHDR H ON H.DOCID = S.DOCID;

-- Through it tasks are added.
CREATE VIEW CALTSK AS SELECT * FROM northgate.CALTSK;

CREATE ROLE calls_reader;
GRANT SELECT ON northgate_calls.* TO calls_reader;
GRANT INSERT ON northgate_calls.CALTSK TO calls_reader;
