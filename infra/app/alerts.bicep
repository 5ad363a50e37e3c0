// Who is told when the ledger is not as it should be: what the app logs then is looked for every five minutes.

param environmentName string
param location string

@description('The Application Insights component that the function app writes to.')
param applicationInsightsId string

@description('Whom to tell, and how.')
param actionGroupId string

// `says` is a part of the line that is logged, the only thing that the Functions host keeps of a record for certain.
// An alert is raised beyond so many lines in an hour.
var alerts = [
  {
    name: 'rows-without-partition'
    tells: 'Rows went to a default partition: nothing is lost, but the timer did not make a month in time.'
    says: 'had no partition'
    severity: 2
    beyond: 0
  }
  {
    name: 'settlement-sums-differ'
    tells: 'A closing found statements that do not add up to what their transactions allocated. Nothing was issued.'
    says: 'met SumsDiffer'
    severity: 1
    beyond: 0
  }
  {
    name: 'audit-export-differs'
    tells: 'A blob of the audit does not hold what was exported. It is left as it is, as evidence.'
    says: 'does not hold what was exported'
    severity: 0
    beyond: 0
  }
  {
    name: 'audit-export-waits'
    tells: 'The export of the audit has waited for the storage for half an hour. Nothing is lost.'
    says: 'the export of the audit waits for the storage'
    severity: 2
    beyond: 30
  }
]

resource rules 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = [
  for alert in alerts: {
    name: 'pp-${environmentName}-${alert.name}'
    location: location
    kind: 'LogAlert'
    properties: {
      displayName: alert.name
      description: alert.tells
      severity: alert.severity
      enabled: true
      scopes: [applicationInsightsId]
      evaluationFrequency: 'PT5M'
      windowSize: 'PT1H'
      criteria: {
        allOf: [
          {
            query: 'traces | where message contains "${alert.says}"'
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: alert.beyond
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      actions: { actionGroups: empty(actionGroupId) ? [] : [actionGroupId] }
    }
  }
]
