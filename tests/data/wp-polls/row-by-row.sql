/*M!999999\- enable the sandbox mode */ 
-- MariaDB dump 10.19  Distrib 10.11.19-MariaDB, for debian-linux-gnu (x86_64)
--
-- Host: localhost    Database: wordpress
-- ------------------------------------------------------
-- Server version	10.11.19-MariaDB-0+deb12u1

/*!40101 SET @OLD_CHARACTER_SET_CLIENT=@@CHARACTER_SET_CLIENT */;
/*!40101 SET @OLD_CHARACTER_SET_RESULTS=@@CHARACTER_SET_RESULTS */;
/*!40101 SET @OLD_COLLATION_CONNECTION=@@COLLATION_CONNECTION */;
/*!40101 SET NAMES utf8mb4 */;
/*!40103 SET @OLD_TIME_ZONE=@@TIME_ZONE */;
/*!40103 SET TIME_ZONE='+00:00' */;
/*!40014 SET @OLD_UNIQUE_CHECKS=@@UNIQUE_CHECKS, UNIQUE_CHECKS=0 */;
/*!40014 SET @OLD_FOREIGN_KEY_CHECKS=@@FOREIGN_KEY_CHECKS, FOREIGN_KEY_CHECKS=0 */;
/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE='NO_AUTO_VALUE_ON_ZERO' */;
/*!40111 SET @OLD_SQL_NOTES=@@SQL_NOTES, SQL_NOTES=0 */;

--
-- Table structure for table `wp_2_pollsa`
--

DROP TABLE IF EXISTS `wp_2_pollsa`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_2_pollsa` (
  `polla_aid` int(10) NOT NULL AUTO_INCREMENT,
  `polla_qid` int(10) NOT NULL DEFAULT 0,
  `polla_answers` varchar(200) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT '',
  `polla_votes` int(10) NOT NULL DEFAULT 0,
  PRIMARY KEY (`polla_aid`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_2_pollsa`
--

LOCK TABLES `wp_2_pollsa` WRITE;
/*!40000 ALTER TABLE `wp_2_pollsa` DISABLE KEYS */;
INSERT INTO `wp_2_pollsa` VALUES (1,1,'Yes',1);
INSERT INTO `wp_2_pollsa` VALUES (2,1,'No',1);
/*!40000 ALTER TABLE `wp_2_pollsa` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_2_pollsip`
--

DROP TABLE IF EXISTS `wp_2_pollsip`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_2_pollsip` (
  `pollip_id` int(10) NOT NULL AUTO_INCREMENT,
  `pollip_qid` int(10) NOT NULL DEFAULT 0,
  `pollip_aid` int(10) NOT NULL DEFAULT 0,
  `pollip_ip` varchar(100) NOT NULL DEFAULT '',
  `pollip_host` varchar(200) NOT NULL DEFAULT '',
  `pollip_timestamp` int(10) NOT NULL DEFAULT 0,
  `pollip_user` tinytext NOT NULL,
  `pollip_userid` int(10) NOT NULL DEFAULT 0,
  PRIMARY KEY (`pollip_id`),
  KEY `pollip_ip` (`pollip_ip`),
  KEY `pollip_qid` (`pollip_qid`),
  KEY `pollip_ip_qid_aid` (`pollip_ip`,`pollip_qid`,`pollip_aid`)
) ENGINE=InnoDB AUTO_INCREMENT=2 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_2_pollsip`
--

LOCK TABLES `wp_2_pollsip` WRITE;
/*!40000 ALTER TABLE `wp_2_pollsip` DISABLE KEYS */;
INSERT INTO `wp_2_pollsip` VALUES (1,1,1,'192.0.2.44','host.example',1700000100,'Guest',0);
/*!40000 ALTER TABLE `wp_2_pollsip` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_2_pollsq`
--

DROP TABLE IF EXISTS `wp_2_pollsq`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_2_pollsq` (
  `pollq_id` int(10) NOT NULL AUTO_INCREMENT,
  `pollq_question` varchar(200) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT '',
  `pollq_timestamp` varchar(20) NOT NULL DEFAULT '',
  `pollq_totalvotes` int(10) NOT NULL DEFAULT 0,
  `pollq_active` tinyint(1) NOT NULL DEFAULT 1,
  `pollq_expiry` int(10) NOT NULL DEFAULT 0,
  `pollq_multiple` tinyint(3) NOT NULL DEFAULT 0,
  `pollq_totalvoters` int(10) NOT NULL DEFAULT 0,
  `note` text DEFAULT NULL,
  `raw` varbinary(20) DEFAULT NULL,
  PRIMARY KEY (`pollq_id`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_2_pollsq`
--

LOCK TABLES `wp_2_pollsq` WRITE;
/*!40000 ALTER TABLE `wp_2_pollsq` DISABLE KEYS */;
INSERT INTO `wp_2_pollsq` VALUES (1,'Second site?','1700000000',2,1,0,0,2,NULL,'é');
INSERT INTO `wp_2_pollsq` VALUES (2,'No answers','1700000000',0,1,0,0,0,'x',NULL);
/*!40000 ALTER TABLE `wp_2_pollsq` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_options`
--

DROP TABLE IF EXISTS `wp_options`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_options` (
  `option_id` bigint(20) unsigned NOT NULL AUTO_INCREMENT,
  `option_name` varchar(191) NOT NULL DEFAULT '',
  `option_value` longtext NOT NULL,
  `autoload` varchar(20) NOT NULL DEFAULT 'yes',
  PRIMARY KEY (`option_id`),
  UNIQUE KEY `option_name` (`option_name`)
) ENGINE=InnoDB AUTO_INCREMENT=3 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_options`
--

LOCK TABLES `wp_options` WRITE;
/*!40000 ALTER TABLE `wp_options` DISABLE KEYS */;
INSERT INTO `wp_options` VALUES (1,'poll_template','it\'s; <a href=\"#\">INSERT INTO `wp_pollsq` VALUES (99,\'trap\');</a> -- no /* comment */ ),(','yes');
INSERT INTO `wp_options` VALUES (2,'timezone_string','America/New_York','yes');
/*!40000 ALTER TABLE `wp_options` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_pollsa`
--

DROP TABLE IF EXISTS `wp_pollsa`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_pollsa` (
  `polla_aid` int(10) NOT NULL AUTO_INCREMENT,
  `polla_qid` int(10) NOT NULL DEFAULT 0,
  `polla_answers` varchar(200) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT '',
  `polla_votes` int(10) NOT NULL DEFAULT 0,
  PRIMARY KEY (`polla_aid`)
) ENGINE=InnoDB AUTO_INCREMENT=12 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_pollsa`
--

LOCK TABLES `wp_pollsa` WRITE;
/*!40000 ALTER TABLE `wp_pollsa` DISABLE KEYS */;
INSERT INTO `wp_pollsa` VALUES (1,1,'Egypt &#x1f1ea;&#x1f1ec;',3);
INSERT INTO `wp_pollsa` VALUES (2,1,'It\'s a \"draw\"; honestly -- really',2);
INSERT INTO `wp_pollsa` VALUES (3,1,'Neither),(5,\'x\',9); \\o/',1);
INSERT INTO `wp_pollsa` VALUES (4,1,'Line one\nline two &amp; <strong>bold</strong>',1);
INSERT INTO `wp_pollsa` VALUES (5,2,'القاهرة',4);
INSERT INTO `wp_pollsa` VALUES (6,2,'إسطنبول',3);
INSERT INTO `wp_pollsa` VALUES (7,2,'Köln',2);
INSERT INTO `wp_pollsa` VALUES (8,3,'Yes',0);
INSERT INTO `wp_pollsa` VALUES (9,3,'No',0);
INSERT INTO `wp_pollsa` VALUES (10,4,'Mourn',120);
INSERT INTO `wp_pollsa` VALUES (11,4,'Celebrate',180);
/*!40000 ALTER TABLE `wp_pollsa` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_pollsip`
--

DROP TABLE IF EXISTS `wp_pollsip`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_pollsip` (
  `pollip_id` int(10) NOT NULL AUTO_INCREMENT,
  `pollip_qid` int(10) NOT NULL DEFAULT 0,
  `pollip_aid` int(10) NOT NULL DEFAULT 0,
  `pollip_ip` varchar(100) NOT NULL DEFAULT '',
  `pollip_host` varchar(200) NOT NULL DEFAULT '',
  `pollip_timestamp` int(10) NOT NULL DEFAULT 0,
  `pollip_user` tinytext NOT NULL,
  `pollip_userid` int(10) NOT NULL DEFAULT 0,
  PRIMARY KEY (`pollip_id`),
  KEY `pollip_ip` (`pollip_ip`),
  KEY `pollip_qid` (`pollip_qid`),
  KEY `pollip_ip_qid_aid` (`pollip_ip`,`pollip_qid`,`pollip_aid`)
) ENGINE=InnoDB AUTO_INCREMENT=14 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_pollsip`
--

LOCK TABLES `wp_pollsip` WRITE;
/*!40000 ALTER TABLE `wp_pollsip` DISABLE KEYS */;
INSERT INTO `wp_pollsip` VALUES (1,1,1,'192.0.2.1','host.example',1709985900,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (2,1,1,'192.0.2.1','host.example',1709985900,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (3,1,2,'192.0.2.2','host.example',1709985961,'it\'s \\ me; really',3);
INSERT INTO `wp_pollsip` VALUES (4,2,5,'198.51.100.7','host.example',1709985905,'قارئ 😀',9);
INSERT INTO `wp_pollsip` VALUES (5,2,6,'198.51.100.7','host.example',1709985905,'قارئ 😀',9);
INSERT INTO `wp_pollsip` VALUES (6,1,3,'2001:db8::1','host.example',1710041400,'a),(b',0);
INSERT INTO `wp_pollsip` VALUES (7,2,5,'203.0.113.5','host.example',1709985905,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (8,2,6,'203.0.113.5','host.example',1709985905,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (9,2,7,'203.0.113.5','host.example',1709985905,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (10,1,1,'203.0.113.9','host.example',1710158400,'new\nline',0);
INSERT INTO `wp_pollsip` VALUES (11,1,2,'203.0.113.10','host.example',1710158400,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (12,1,4,'203.0.113.11','host.example',1710158400,'Guest',0);
INSERT INTO `wp_pollsip` VALUES (13,2,5,'198.51.100.8','host.example',1710158400,'Guest',0);
/*!40000 ALTER TABLE `wp_pollsip` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_pollsq`
--

DROP TABLE IF EXISTS `wp_pollsq`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_pollsq` (
  `pollq_id` int(10) NOT NULL AUTO_INCREMENT,
  `pollq_question` varchar(200) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci NOT NULL DEFAULT '',
  `pollq_timestamp` varchar(20) NOT NULL DEFAULT '',
  `pollq_totalvotes` int(10) NOT NULL DEFAULT 0,
  `pollq_active` tinyint(1) NOT NULL DEFAULT 1,
  `pollq_expiry` int(10) NOT NULL DEFAULT 0,
  `pollq_multiple` tinyint(3) NOT NULL DEFAULT 0,
  `pollq_totalvoters` int(10) NOT NULL DEFAULT 0,
  PRIMARY KEY (`pollq_id`)
) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_unicode_520_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_pollsq`
--

LOCK TABLES `wp_pollsq` WRITE;
/*!40000 ALTER TABLE `wp_pollsq` DISABLE KEYS */;
INSERT INTO `wp_pollsq` VALUES (1,'Who won the <em>final</em>?','1709985600',7,1,0,0,7);
INSERT INTO `wp_pollsq` VALUES (2,'أي المدن تزور؟ (اختر اثنتين)','1709985600',9,1,1719858600,2,6);
INSERT INTO `wp_pollsq` VALUES (3,'Will it rain on Sunday?','1893484800',0,-1,1894089600,0,0);
INSERT INTO `wp_pollsq` VALUES (4,'Mourn or celebrate?','1557047700',300,0,1559726100,0,300);
/*!40000 ALTER TABLE `wp_pollsq` ENABLE KEYS */;
UNLOCK TABLES;

--
-- Table structure for table `wp_posts`
--

DROP TABLE IF EXISTS `wp_posts`;
/*!40101 SET @saved_cs_client     = @@character_set_client */;
/*!40101 SET character_set_client = utf8mb4 */;
CREATE TABLE `wp_posts` (
  `ID` bigint(20) NOT NULL,
  `post_content` longtext DEFAULT NULL,
  `post_date` datetime DEFAULT NULL,
  `raw` blob DEFAULT NULL,
  PRIMARY KEY (`ID`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;
/*!40101 SET character_set_client = @saved_cs_client */;

--
-- Dumping data for table `wp_posts`
--

LOCK TABLES `wp_posts` WRITE;
/*!40000 ALTER TABLE `wp_posts` DISABLE KEYS */;
INSERT INTO `wp_posts` VALUES (1,'<p>[poll id=\"1\"]</p>\nINSERT INTO `wp_pollsip` VALUES (1,2,3);\n','2024-01-01 00:00:00','\0�\'\"\\');
INSERT INTO `wp_posts` VALUES (2,NULL,NULL,NULL);
/*!40000 ALTER TABLE `wp_posts` ENABLE KEYS */;
UNLOCK TABLES;
/*!50003 SET @saved_cs_client      = @@character_set_client */ ;
/*!50003 SET @saved_cs_results     = @@character_set_results */ ;
/*!50003 SET @saved_col_connection = @@collation_connection */ ;
/*!50003 SET character_set_client  = utf8mb4 */ ;
/*!50003 SET character_set_results = utf8mb4 */ ;
/*!50003 SET collation_connection  = utf8mb4_general_ci */ ;
/*!50003 SET @saved_sql_mode       = @@sql_mode */ ;
/*!50003 SET sql_mode              = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION' */ ;
DELIMITER ;;
/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER wp_count AFTER INSERT ON wp_posts FOR EACH ROW BEGIN UPDATE wp_options SET autoload='yes'; INSERT INTO wp_pollsip SELECT * FROM wp_2_pollsip WHERE 1=0; END 
*/;;
DELIMITER ;
/*!50003 SET sql_mode              = @saved_sql_mode */ ;
/*!50003 SET character_set_client  = @saved_cs_client */ ;
/*!50003 SET character_set_results = @saved_cs_results */ ;
/*!50003 SET collation_connection  = @saved_col_connection */ ;
/*!40103 SET TIME_ZONE=@OLD_TIME_ZONE */;

/*!40101 SET SQL_MODE=@OLD_SQL_MODE */;
/*!40014 SET FOREIGN_KEY_CHECKS=@OLD_FOREIGN_KEY_CHECKS */;
/*!40014 SET UNIQUE_CHECKS=@OLD_UNIQUE_CHECKS */;
/*!40101 SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT */;
/*!40101 SET CHARACTER_SET_RESULTS=@OLD_CHARACTER_SET_RESULTS */;
/*!40101 SET COLLATION_CONNECTION=@OLD_COLLATION_CONNECTION */;
/*!40111 SET SQL_NOTES=@OLD_SQL_NOTES */;

-- Dump completed
