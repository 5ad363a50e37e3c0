// What the app needs in one resource group. Deployed twice: event subscriptions are confirmed by the running app,
// so they come with `subscribe=true` once its code is there.
targetScope = 'resourceGroup'

@description('Short name of the environment, like prod: part of every name.')
@minLength(2)
@maxLength(8)
param environmentName string

param location string = resourceGroup().location

@description('The function app that the storage tells of new files.')
param functionAppName string

@description('Origins whose pages may put files, like https://portal.example.com.')
param uploadOrigins string[] = []

@description('Whether the app runs already and can confirm subscriptions.')
param subscribe bool = false

@description('The Application Insights component of the app, for alerts; none without.')
param applicationInsightsId string = ''

@description('The action group that alerts go to.')
param actionGroupId string = ''

module alerts 'app/alerts.bicep' = if (!empty(applicationInsightsId)) {
  name: 'alerts'
  params: {
    environmentName: environmentName
    location: location
    applicationInsightsId: applicationInsightsId
    actionGroupId: actionGroupId
  }
}

module storage 'app/storage.bicep' = {
  name: 'storage'
  params: {
    name: 'pp${toLower(environmentName)}${take(uniqueString(resourceGroup().id), 10)}'
    location: location
    functionAppName: functionAppName
    uploadOrigins: uploadOrigins
    subscribe: subscribe
  }
}

@description('What the app is given as UPLOADS_STORAGE__blobServiceUri.')
output uploadsBlobServiceUri string = storage.outputs.blobServiceUri

@description('What the app is given as UPLOADS_STORAGE__queueServiceUri.')
output uploadsQueueServiceUri string = storage.outputs.queueServiceUri
