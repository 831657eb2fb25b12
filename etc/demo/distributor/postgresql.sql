-- What the telephone may see of the tables on PostgreSQL: a role, and a policy for each table that
-- belongs to an account. Run by the owner of the tables, after tables.sql. The user itself is made by
--
--   CREATE ROLE orderline LOGIN NOINHERIT PASSWORD '...'; GRANT calls_reader TO orderline;
--
-- NOINHERIT: without SET ROLE it can read nothing.

REVOKE ALL ON SCHEMA public FROM PUBLIC;
CREATE ROLE calls_reader NOLOGIN;
GRANT USAGE ON SCHEMA public TO calls_reader;

-- What every caller's order claims of the stock, and no word of whose it is: a view reads with the
-- rights of its owner, whom the policies below do not bind.
CREATE VIEW OPNDMD AS
SELECT D.ITNBR, H.WHSID, D.PRMDT, SUM(D.QTORD - D.QTSHP) AS QTOPN
FROM ORDHDR H JOIN ORDDTL D ON D.DOCID = H.DOCID
WHERE H.DOCKD = 'O' AND H.DOCST IN ('P', 'B') AND H.DELCD <> 'D' AND D.QTSHP < D.QTORD
GROUP BY D.ITNBR, H.WHSID, D.PRMDT;

GRANT SELECT ON
    CTLPAR, WHSMST, ITMMST, PRCDSC, WHSBAL, PORDTL, OPNDMD, CARMST, CUSMST, CUSCON,
    CUSCRD, ORDHDR, ORDDTL, SHPHDR, ARITEM
TO calls_reader;

-- Tasks are added, and looked up by their keys; what is in them, it can't read.
GRANT SELECT (TSKKY), INSERT ON CALTSK TO calls_reader;

-- The account that the call is for is in the setting app.account, for one transaction.
ALTER TABLE CUSCRD ENABLE ROW LEVEL SECURITY;
ALTER TABLE ORDHDR ENABLE ROW LEVEL SECURITY;
ALTER TABLE ORDDTL ENABLE ROW LEVEL SECURITY;
ALTER TABLE SHPHDR ENABLE ROW LEVEL SECURITY;
ALTER TABLE ARITEM ENABLE ROW LEVEL SECURITY;

CREATE POLICY OWN ON CUSCRD FOR SELECT TO calls_reader
    USING (CUSNO = CAST(current_setting('app.account', true) AS CHAR(8)));
CREATE POLICY OWN ON ORDHDR FOR SELECT TO calls_reader
    USING (CUSNO = CAST(current_setting('app.account', true) AS CHAR(8)));
CREATE POLICY OWN ON ARITEM FOR SELECT TO calls_reader
    USING (CUSNO = CAST(current_setting('app.account', true) AS CHAR(8)));
-- The inner table is read with its own policy.
CREATE POLICY OWN ON ORDDTL FOR SELECT TO calls_reader
    USING (EXISTS (SELECT 1 FROM ORDHDR H WHERE H.DOCID = ORDDTL.DOCID));
CREATE POLICY OWN ON SHPHDR FOR SELECT TO calls_reader
    USING (EXISTS (SELECT 1 FROM ORDHDR H WHERE H.DOCID = SHPHDR.DOCID));
