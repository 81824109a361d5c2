package urllint

import (
	"slices"
	"strings"

	"github.com/furl-dev/furl/policy"
)

// services are the first labels of the names of services: those of the endpoints in the service models of botocore, and
// those that are principals only.
var services = strings.Fields(`
	access-analyzer account acm acm-pca aco-automation agreement-marketplace aidevops aiops airflow airflow-env
	airflow-serverless alexa-appkit alexa-connectedhome amplify amplifybackend amplifyuibuilder aoss apigateway
	app-integrations appconfig appconfigdata appfabric appflow application-autoscaling application-cost-profiler
	application-signals applicationinsights appmesh apprunner appstream appstream2 appsync aps arc-region-switch
	arc-zonal-shift artifact assets athena auditmanager autoscaling autoscaling-plans aws-marketplace awsssoportal
	b2bi backup backup-gateway backup-search batch batchoperations bcm-dashboards bcm-data-exports
	bcm-pricing-calculator bcm-recommended-actions bedrock bedrock-agent bedrock-agent-runtime bedrock-agentcore
	bedrock-agentcore-control bedrock-data-automation bedrock-data-automation-runtime bedrock-runtime billing
	billingconductor billingconsole braket bucketantivirus budgets build cases cassandra cassandra-streams ce
	channels chatbot chime cks cleanrooms cleanrooms-ml cloud9 cloudcontrolapi clouddirectory cloudformation
	cloudfront cloudfront-keyvaluestore cloudhsm cloudhsmv2 cloudsearch cloudsearchdomain cloudtrail cloudwatch
	cloudwatch-crossaccount codeartifact codebuild codecatalyst codecommit codeconnections codedeploy codeguru
	codeguru-profiler codeguru-reviewer codeguru-security codepipeline codestar codestar-connections
	codestar-notifications cognito-identity cognito-idp cognito-sync comprehend comprehendmedical compute-optimizer
	config config-conforms config-multiaccountsetup connect connect-campaigns contact-lens contributorinsights
	controlcatalog controltower cost-optimization-hub credentials cur custom data-signer databrew dataexchange
	datapipeline datasync datazone dax deadline delivery deployment-marketplace detective devicefarm devops-guru
	directconnect discovery discovery-marketplace dlm dms docdb-elastic drs ds dsql dynamodb ebs ec2
	ec2-instance-connect ec2fleet ec2scheduled ecr ecr-public ecs ecs-tasks edgelambda eks eks-auth eks-fargate
	eks-fargate-pods eks-nodegroup elasticache elasticbeanstalk elasticfilesystem elasticloadbalancing
	elasticmapreduce elemental-inference email emr-containers emr-serverless entityresolution es events evs
	execute-api export finspace finspace-api firehose fis fms forecast forecastquery frauddetector freetier fsx
	gamelift gameliftstreams geo geo-maps geo-places geo-routes glacier globalaccelerator glue grafana greengrass
	groundstation guardduty health health-agent healthlake hooks iam identity-chime identitystore imagebuilder
	importexport ingest inspector inspector-scan inspector2 interconnect internetmonitor invoicing iot iotanalytics
	iotdata iotdeviceadvisor iotevents ioteventsdata iotfleetwise iotmanagedintegrations iotsecuredtunneling
	iotsitewise iotthingsgraph iottwinmaker iotwireless ivs ivschat ivsrealtime kafka kafkaconnect kendra
	kendra-ranking kinesis kinesisanalytics kinesisvideo kms lakeformation lambda launchwizard lex lexv2
	license-manager license-manager-linux-subscriptions license-manager-user-subscriptions lightsail logger logs
	lookoutequipment m2 machinelearning macie macie2 mail-manager malware-protection malware-protection-plan
	managedblockchain managedblockchain-query marketplacecommerceanalytics media-pipelines-chime mediaconnect
	mediaconvert medialive mediapackage mediapackage-vod mediapackagev2 mediastore mediatailor medical-imaging
	meetings-chime member memory-db memorydb messaging-chime mgh mgn migrationhub migrationhub-config
	migrationhub-orchestrator migrationhub-strategy mobiletargeting models-v2-lex monitoring mpa mq mturk-requester
	neptune-db neptune-graph network-firewall networkflowmonitor networkmanager networkmonitor nimble notifications
	notifications-contacts nova-act oam observabilityadmin odb oidc omics ops opsworks opsworks-cm organizations
	osis outposts panorama partnercentral-account partnercentral-benefits partnercentral-channel
	partnercentral-selling payment-cryptography pca-connector-ad pca-connector-scep pcs personalize
	personalize-events personalize-runtime pi pinpoint pipes pods polly pricing private-networks profile proton
	purchaseorders qapps qbusiness qldb quicksight quotas ram rbin rds rds-data rds-db reachabilityanalyzer
	redshift redshift-serverless refactor-spaces rekognition replicator reporting-marketplace repostspace
	resiliencehub resource-explorer-2 resource-groups resources robomaker rolesanywhere route53
	route53-recovery-cluster route53-recovery-control-config route53-recovery-readiness route53domains
	route53globalresolver route53profiles route53resolver rtbfabric rum runtime-v2-lex s3 s3-control s3-outposts
	s3-storage-lens s3files s3tables s3vectors sagemaker sagemaker-geospatial savingsplans scheduler schemas scn
	sdb secretsmanager security-ir securityagent securityhub securitylake selfservicemaintenance serverlessrepo
	servicecatalog servicecatalog-appregistry servicediscovery servicequotas ses shield signer signin
	simspaceweaver sms sms-voice snow-device-management snowball sns social-messaging spot spotfleet sqs ssm
	ssm-contacts ssm-guiconnect ssm-incidents ssm-quicksetup ssm-sap sso sso-oauth stacksets states storage-lens
	storagegateway sts sumerian support supportapp sustainability swf synthetics tagging tagpolicies tasks tax
	textract thinclient timestream timestream-influxdb tnb transcribe transfer transitgateway translate
	trustedadvisor uxc verifiedpermissions vmie vmimportexport voice-chime voiceid vpc-flow-logs vpc-lattice waf
	waf-regional wafv2 wellarchitected wickr wisdom workdocs worklink workmail workmailmessageflow workspaces
	workspaces-instances workspaces-web xray`)

// serviceName takes a service principal apart, which has several labels: NAME.amazonaws.com, NAME.REGION.amazonaws.com
// or PART.NAME.amazonaws.com. The name is the label that tells the service.
func serviceName(principal string) (name, domain string) {
	labels := strings.Split(principal, ".")
	i := len(labels) - 1
	for i > 1 && !policy.IsService("x."+strings.Join(labels[i:], ".")) {
		i--
	}
	domain = "." + strings.Join(labels[i:], ".")
	if i > 1 && isRegion(labels[i-1]) {
		i--
	}
	return labels[i-1], domain
}

// isKnownService reports whether a service principal is one of AWS's, as far as furl knows them.
func isKnownService(principal string) bool {
	name, _ := serviceName(principal)
	return slices.Contains(services, name)
}

// nearestService returns the service principal that a misspelled one is most like; "" if there is none.
func nearestService(principal string) string {
	name, domain := serviceName(principal)
	if found := nearest(name, services); found != "" {
		return found + domain
	}
	return ""
}
